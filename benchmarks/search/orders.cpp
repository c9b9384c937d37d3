// What the order of insertion does to recall: the same vectors, as stored and sorted by cluster,
// inserted in each order, searched with the same beams.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "benchmark.hpp"
#include "clusters.hpp"
#include "data_set.hpp"
#include "progress_bar.hpp"
#include "stopwatch.hpp"
#include "vecinal/index.hpp"
#include "vector_file.hpp"

namespace vecinal::bench {
namespace {

struct Arguments {
  std::string folder;
  std::string metric;
  std::vector<std::size_t> beams = {10, 20, 40, 80, 160};
  std::size_t k = 10;
  std::size_t clusters = 256;
  std::uint64_t seeds = 3;
  Config config;
};

/// The vectors in the order in which they are given to the index, under the ids of the truth.
struct Given {
  const char* name;
  cli::FloatMatrix vectors;
  std::vector<Id> ids;
};

struct DataSet {
  cli::FloatMatrix queries;
  cli::IdMatrix truth;
};

Given as_stored(cli::FloatMatrix base) {
  std::vector<Id> ids(base.rows);
  for (std::size_t row = 0; row < base.rows; ++row) ids[row] = static_cast<Id>(row);
  return {"as stored", std::move(base), std::move(ids)};
}

Given by_cluster(const cli::FloatMatrix& base, std::size_t clusters) {
  Given given{"by cluster", {base.rows, base.columns, {}}, {}};
  given.vectors.values.reserve(base.values.size());
  for (const std::size_t row : rows_by_cluster(base, clusters)) {
    const auto values = base.row(row);
    given.vectors.values.insert(given.vectors.values.end(), values.begin(), values.end());
    given.ids.push_back(static_cast<Id>(row));
  }
  return given;
}

/// One line of the table: means over the seeds.
void measure(const Given& given, InsertionOrder order, const DataSet& data,
             const Arguments& arguments) {
  std::vector<double> recalls;
  double seconds = 0;
  for (std::uint64_t seed = 0; seed < arguments.seeds; ++seed) {
    Config config = arguments.config;
    config.order = order;
    config.seed = seed;
    const auto index = make_index(config);
    const cli::Stopwatch watch;
    {
      cli::ProgressBar bar(fmt::format("{}, {}", given.name, name(order)));
      index->add(cli::batch_of(given.vectors), given.ids, bar.callback());
    }
    seconds += watch.seconds();
    const auto results = cli::sweep(*index, data.queries, data.truth.view(),
                                    {.k = arguments.k, .beams = arguments.beams, .repeats = 1});
    recalls.resize(results.size(), 0.0);
    for (std::size_t i = 0; i < results.size(); ++i) recalls[i] += results[i].recall;
  }
  const auto builds = static_cast<double>(arguments.seeds);
  fmt::print("{:<12} {:<10} {:>8.2f}", given.name, name(order), seconds / builds);
  for (const double recall : recalls) fmt::print(" {:>8.4f}", recall / builds);
  fmt::print("\n");
  std::fflush(stdout);
}

void run(Arguments& arguments) {
  const cli::DataFiles files = cli::find_files(arguments.folder);
  if (files.metric) arguments.config.metric = *files.metric;
  if (!arguments.metric.empty()) arguments.config.metric = parse_metric(arguments.metric);
  Given stored = as_stored(cli::read_floats(files.base));
  arguments.config.dim = stored.vectors.columns;
  DataSet data{cli::read_floats(files.queries), {}};
  data.truth =
      files.truth.empty()
          ? cli::exact_truth(stored.vectors, data.queries, arguments.config.metric, arguments.k)
          : cli::read_truth(files.truth, data.queries.rows, arguments.k, stored.vectors.rows);

  fmt::print(
      "{} vectors of {} dims, {}, degree {}, build beam {}; recall at {}, mean of {} seeds\n\n",
      stored.vectors.rows, arguments.config.dim, name(arguments.config.metric),
      arguments.config.degree, arguments.config.build_beam, arguments.k, arguments.seeds);
  fmt::print("{:<12} {:<10} {:>8}", "data", "order", "build s");
  for (const std::size_t beam : arguments.beams) fmt::print(" {:>8}", fmt::format("beam {}", beam));
  fmt::print("\n");
  const Given sorted = by_cluster(stored.vectors, arguments.clusters);
  for (const Given* given : {static_cast<const Given*>(&stored), &sorted}) {
    for (const auto order :
         {InsertionOrder::given, InsertionOrder::shuffled, InsertionOrder::lid}) {
      measure(*given, order, data, arguments);
    }
  }
}

}  // namespace
}  // namespace vecinal::bench

int main(int argc, char** argv) {
  try {
    vecinal::bench::Arguments arguments;
    CLI::App app("Recall of the three insertion orders, on data as stored and sorted by cluster.");
    app.add_option("folder", arguments.folder, "Holds base.*, queries.*, maybe gt.*, meta.json")
        ->required();
    app.add_option("--metric", arguments.metric, "l2, ip, cosine [meta.json, else l2]");
    app.add_option("--beams", arguments.beams, "Beams to measure, ascending, at least k")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("-k", arguments.k, "Neighbours of each query");
    app.add_option("--clusters", arguments.clusters, "Clusters of the sorted data");
    app.add_option("--seeds", arguments.seeds, "Builds of each line")->check(CLI::PositiveNumber);
    app.add_option("--degree", arguments.config.degree, "Links of a node on level 0");
    app.add_option("--build-beam", arguments.config.build_beam, "Candidates of an insertion");
    app.add_option("--threads", arguments.config.threads, "0 = all cores");
    CLI11_PARSE(app, argc, argv);
    vecinal::bench::run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vecinal_bench_orders: %s\n", error.what());
    return 1;
  }
  return 0;
}
