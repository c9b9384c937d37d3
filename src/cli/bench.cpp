// vecinal bench: recall and speed of an index over a range of beams.
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmark.hpp"
#include "commands.hpp"
#include "data_set.hpp"
#include "progress_bar.hpp"
#include "report.hpp"
#include "stopwatch.hpp"
#include "stored_index.hpp"
#include "train.hpp"
#include "vecinal/index.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {
namespace {

constexpr double target_recalls[] = {0.90, 0.95, 0.99};

/// The subject of a benchmark, ready to be searched.
struct Subject {
  std::unique_ptr<Index> index;
  std::optional<double> build_seconds;
  FloatMatrix queries;
  IdMatrix truth;
};

DataFiles files_of(const BenchOptions& options) {
  DataFiles files;
  if (!options.folder.empty()) files = find_files(options.folder);
  if (!options.base.empty()) files.base = options.base;
  if (!options.queries.empty()) files.queries = options.queries;
  if (!options.truth.empty()) files.truth = options.truth;
  if (!options.metric.empty()) files.metric = parse_metric(options.metric);
  if (files.queries.empty() || (files.base.empty() && options.index.empty())) {
    throw std::invalid_argument(
        "bench needs a folder, or --queries with --base or --index (see vecinal bench --help)");
  }
  return files;
}

void build(Subject& subject, const FloatMatrix& base, const DataFiles& files,
           const BenchOptions& options) {
  Config config = config_of(options.build, base.columns);
  if (files.metric) config.metric = *files.metric;
  subject.index = make_index(config);
  const Stopwatch watch;
  train_for(*subject.index, base, options.build);
  ProgressBar bar("building");
  subject.index->add(batch_of(base), {}, bar.callback());
  if (options.build.refine != 0) subject.index->refine({.rounds = options.build.refine});
  subject.build_seconds = watch.seconds();
}

/// Without a file: exact search over the vectors as they came, whose ids are their row numbers, or,
/// where only an index is given, over what it stores.
IdMatrix find_truth(const Subject& subject, const FloatMatrix& base, const DataFiles& files,
                    std::size_t k) {
  if (!files.truth.empty()) return read_truth(files.truth, subject.queries.rows, k, base.rows);
  ProgressBar bar("exact search");
  if (base.rows > 0) {
    return exact_truth(base, subject.queries, subject.index->config().metric, k, bar.callback());
  }
  SearchParams params;
  params.k = k;
  params.exact = true;
  params.progress = bar.callback();
  Neighbors found = subject.index->search(batch_of(subject.queries), params);
  return {found.queries, found.k, std::move(found.ids)};
}

Subject prepare(const BenchOptions& options) {
  const DataFiles files = files_of(options);
  Subject subject;
  subject.queries = read_floats(files.queries);
  FloatMatrix base;
  const bool base_needed = options.index.empty() || files.truth.empty();
  if (base_needed && !files.base.empty()) base = read_floats(files.base);
  if (options.index.empty()) {
    build(subject, base, files, options);
  } else {
    subject.index = load_with_bar(options.index, {.device = parse_device(options.build.device)});
  }
  subject.truth = find_truth(subject, base, files, options.k);
  return subject;
}

double bytes_per_vector(const Index& index) {
  return static_cast<double>(index.stats().bytes) / static_cast<double>(index.size());
}

void print_as_json(const Subject& subject, const std::vector<BeamResult>& results,
                   const BenchOptions& options) {
  auto beams = nlohmann::ordered_json::array();
  for (const BeamResult& result : results) {
    beams.push_back({{"beam", result.beam},
                     {"recall", result.recall},
                     {"qps", result.qps},
                     {"distances_per_query", result.distances},
                     {"hops_per_query", result.hops},
                     {"reranked_per_query", result.reranked}});
  }
  auto at_recall = nlohmann::ordered_json::array();
  for (const double recall : target_recalls) {
    const std::optional<double> qps = qps_at(results, recall);
    nlohmann::ordered_json entry = {{"recall", recall}, {"qps", nullptr}};
    if (qps) entry["qps"] = *qps;
    at_recall.push_back(std::move(entry));
  }
  const Index& index = *subject.index;
  nlohmann::ordered_json document = {{"version", version()},
                                     {"simd", name(active_simd())},
                                     {"config", json_of(index.config())},
                                     {"size", index.size()},
                                     {"queries", subject.queries.rows},
                                     {"k", options.k},
                                     {"recall", options.recall},
                                     {"rerank", options.rerank},
                                     {"gamma", options.gamma},
                                     {"reduced_dim", options.reduced_dim},
                                     {"threads", options.threads},
                                     {"repeats", options.repeats},
                                     {"build_seconds", nullptr},
                                     {"bytes_per_vector", bytes_per_vector(index)},
                                     {"beams", std::move(beams)},
                                     {"qps_at_recall", std::move(at_recall)}};
  if (subject.build_seconds) document["build_seconds"] = *subject.build_seconds;
  print_json(document);
}

void print_as_text(const Subject& subject, const std::vector<BeamResult>& results,
                   const BenchOptions& options) {
  const Index& index = *subject.index;
  fmt::print("{} vectors of {}\n", with_commas(index.size()), in_words(index.config()));
  if (subject.build_seconds) fmt::print("built in {:.2f} s, ", *subject.build_seconds);
  fmt::print("{:.0f} bytes/vector; {} queries, k {}, {}, {}, median of {}\n\n",
             bytes_per_vector(index), with_commas(subject.queries.rows), options.k,
             options.threads == 0 ? "all cores" : fmt::format("{} threads", options.threads),
             name(active_simd()), options.repeats);
  fmt::print("{:>8} {:>9} {:>14} {:>16} {:>12} {:>15}\n", "beam", "recall", "queries/s",
             "distances/query", "hops/query", "reranked/query");
  for (const BeamResult& result : results) {
    fmt::print("{:>8} {:>9.4f} {:>14} {:>16.1f} {:>12.1f} {:>15.1f}\n",
               result.beam == 0 ? "tuned" : std::to_string(result.beam), result.recall,
               with_commas(static_cast<std::uint64_t>(result.qps)), result.distances, result.hops,
               result.reranked);
  }
  fmt::print("\n");
  for (const double recall : target_recalls) {
    const std::optional<double> qps = qps_at(results, recall);
    fmt::print("at recall {:.2f}: {}\n", recall,
               qps ? with_commas(static_cast<std::uint64_t>(*qps)) + " queries/s" : "not reached");
  }
}

}  // namespace

int run(const BenchOptions& options) {
  const Subject subject = prepare(options);
  const SweepOptions sweep_options{.k = options.k,
                                   .beams = options.beams,
                                   .recall = options.recall,
                                   .rerank = options.rerank,
                                   .gamma = options.gamma,
                                   .reduced_dim = options.reduced_dim,
                                   .repeats = options.repeats,
                                   .threads = options.threads};
  const std::vector<BeamResult> results =
      sweep(*subject.index, subject.queries, subject.truth.view(), sweep_options);
  if (options.json) {
    print_as_json(subject, results, options);
  } else {
    print_as_text(subject, results, options);
  }
  return 0;
}

}  // namespace vecinal::cli
