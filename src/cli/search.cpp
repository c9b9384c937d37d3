// vecinal search: answers the queries of a file from an index.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.hpp"
#include "matrix.hpp"
#include "progress_bar.hpp"
#include "report.hpp"
#include "stopwatch.hpp"
#include "stored_index.hpp"
#include "vecinal/index.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {
namespace {

struct Timed {
  Neighbors found;
  double seconds = 0;
};

/// Everything where neither is given; else what both allow.
Filter filter_of(const SearchOptions& options) {
  Filter filter;
  if (!options.filter.empty()) filter = Filter::ids(read_ids(options.filter).values);
  if (options.labels.empty()) return filter;
  Filter labelled = Filter::any_label(options.labels);
  return filter.allows_everything() ? labelled : std::move(filter) & std::move(labelled);
}

Timed search_timed(const Index& index, const FloatMatrix& queries, const SearchOptions& options) {
  ProgressBar bar("searching");
  SearchParams params;
  params.k = options.k;
  params.recall = options.recall;
  params.beam = options.beam;
  params.rerank = options.rerank;
  params.gamma = options.gamma;
  params.reduced_dim = options.reduced_dim;
  params.exact = options.exact;
  params.filter = filter_of(options);
  if (options.timeout != 0) {
    constexpr double longest = 1e9;  // seconds, which nanoseconds can count
    params.timeout = std::chrono::nanoseconds(
        static_cast<std::int64_t>(std::min(options.timeout, longest) * 1e9));
  }
  params.threads = options.threads;
  params.progress = bar.callback();
  const Stopwatch watch;
  Neighbors found = index.search(batch_of(queries), params);
  return {std::move(found), watch.seconds()};
}

/// Only the results that exist: the padding of a row is not printed.
nlohmann::ordered_json results_json(const Neighbors& found) {
  auto results = nlohmann::ordered_json::array();
  for (std::size_t query = 0; query < found.queries; ++query) {
    const std::size_t count = found.counts[query];
    results.push_back({{"ids", found.ids_of(query).first(count)},
                       {"distances", found.distances_of(query).first(count)}});
  }
  return results;
}

/// A line a query: its number, then "id:distance", the closest first.
void print_results(const Neighbors& found) {
  std::string lines;
  for (std::size_t query = 0; query < found.queries; ++query) {
    fmt::format_to(std::back_inserter(lines), "{}", query);
    for (std::size_t i = 0; i < found.counts[query]; ++i) {
      fmt::format_to(std::back_inserter(lines), "\t{}:{:.6g}", found.ids_of(query)[i],
                     found.distances_of(query)[i]);
    }
    lines.push_back('\n');
  }
  fmt::print("{}", lines);
}

void write_results(const Neighbors& found, const SearchOptions& options) {
  if (!options.output.empty()) write_ids(options.output, {found.queries, found.k, found.ids});
  if (!options.distances.empty()) {
    write_floats(options.distances, {found.queries, found.k, found.distances});
  }
}

/// Queries that a timeout cut short.
std::size_t incomplete(const Neighbors& found) {
  return static_cast<std::size_t>(std::count(found.complete.begin(), found.complete.end(), 0));
}

void print_json_report(const Timed& timed, const SearchOptions& options) {
  const Neighbors& found = timed.found;
  const auto queries = static_cast<double>(found.queries);
  nlohmann::ordered_json document = {
      {"queries", found.queries},
      {"k", found.k},
      {"seconds", timed.seconds},
      {"qps", queries / timed.seconds},
      {"distances_per_query", static_cast<double>(found.stats.distances) / queries},
      {"hops_per_query", static_cast<double>(found.stats.hops) / queries},
      {"reranked_per_query", static_cast<double>(found.stats.reranked) / queries},
      {"exact_queries", found.stats.exact},
      {"allowed", found.stats.allowed},
      {"plan", name(found.stats.plan)},
      {"incomplete_queries", incomplete(found)}};
  if (!options.output.empty()) document["ids_file"] = options.output;
  if (!options.distances.empty()) document["distances_file"] = options.distances;
  if (options.output.empty()) document["results"] = results_json(found);
  print_json(document);
}

}  // namespace

int run(const SearchOptions& options) {
  for (const std::string& output : {options.output, options.distances}) {
    if (!output.empty()) require_folder_of(output);
  }
  const FloatMatrix queries = read_floats(options.queries);
  const auto index = load_with_bar(
      options.index, {.threads = options.threads, .device = parse_device(options.device)});
  const Timed timed = search_timed(*index, queries, options);
  write_results(timed.found, options);
  if (const std::size_t cut = incomplete(timed.found); cut != 0 && !options.json)
    fmt::print(stderr, "{} of {} queries were cut short by the timeout\n", with_commas(cut),
               with_commas(timed.found.queries));
  if (options.json) {
    print_json_report(timed, options);
  } else if (options.output.empty()) {
    print_results(timed.found);
  } else {
    fmt::print("{}: {} queries, k {}, {:.3f} s, {} queries/s\n", options.output,
               with_commas(timed.found.queries), timed.found.k, timed.seconds,
               with_commas(static_cast<std::uint64_t>(static_cast<double>(timed.found.queries) /
                                                      timed.seconds)));
  }
  return 0;
}

}  // namespace vecinal::cli
