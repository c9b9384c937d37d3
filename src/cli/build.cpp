// vecinal build: a file of vectors becomes an index.
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "commands.hpp"
#include "matrix.hpp"
#include "progress_bar.hpp"
#include "report.hpp"
#include "stopwatch.hpp"
#include "stored_index.hpp"
#include "train.hpp"
#include "vecinal/index.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {
namespace {

std::vector<Id> read_item_ids(const std::string& file, std::size_t items) {
  if (file.empty()) return {};
  IdMatrix ids = read_ids(file);
  if (ids.columns != 1 || ids.rows != items) {
    throw std::invalid_argument(
        fmt::format("{}: expected one id for each of the {} vectors, found "
                    "{} rows of {}",
                    file, items, ids.rows, ids.columns));
  }
  return std::move(ids.values);
}

/// The labels of the vectors, without those that stand for none.
struct ItemLabels {
  std::vector<Label> values;
  std::vector<std::size_t> offsets;

  [[nodiscard]] Labels view() const { return {values, offsets}; }
};

ItemLabels read_labels(const std::string& file, std::size_t items) {
  ItemLabels labels;
  if (file.empty()) return labels;
  const IdMatrix rows = read_ids(file);
  if (rows.rows != items)
    throw std::invalid_argument(
        fmt::format("{}: expected a row of labels for each of the {} vectors, found {}", file,
                    items, rows.rows));
  labels.offsets.push_back(0);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    for (std::size_t j = 0; j < rows.columns; ++j)
      if (const Id label = rows.values[i * rows.columns + j]; label != -1)
        labels.values.push_back(label);
    labels.offsets.push_back(labels.values.size());
  }
  return labels;
}

void report(const Index& index, const BuildOptions& options, double seconds) {
  const std::uint64_t file_bytes = std::filesystem::file_size(options.output);
  const Stats stats = index.stats();
  const auto size = static_cast<double>(stats.size);
  const double bytes_per_vector = static_cast<double>(stats.bytes) / size;
  if (options.json) {
    return print_json({{"file", options.output},
                       {"size", stats.size},
                       {"config", json_of(index.config())},
                       {"reduced_dim", stats.reduced_dim},
                       {"quantizer", name(stats.quantizer)},
                       {"layout_reason", stats.layout_reason},
                       {"seconds", seconds},
                       {"bytes_per_vector", bytes_per_vector},
                       {"file_bytes", file_bytes}});
  }
  fmt::print("{}: {} vectors of {}\n", options.output, with_commas(stats.size),
             in_words(index.config()));
  if (stats.quantizer != Quantizer::automatic || stats.reduced_dim != index.config().dim) {
    fmt::print("walks {} dims, quantizer {}\n", stats.reduced_dim, name(stats.quantizer));
  }
  fmt::print("built in {:.2f} s ({} vectors/s), {:.0f} bytes/vector, file of {}\n", seconds,
             with_commas(static_cast<std::uint64_t>(size / seconds)), bytes_per_vector,
             in_bytes(file_bytes));
}

}  // namespace

Config config_of(const IndexOptions& options, std::size_t dim) {
  Config config;
  config.dim = dim;
  config.metric = parse_metric(options.metric);
  config.encoding = parse_encoding(options.encoding);
  config.reduction = parse_reduction(options.reduce);
  config.reduced_dim = options.reduced_dim;
  config.quantizer = parse_quantizer(options.quantizer);
  config.keep = parse_keep(options.keep);
  config.layout = parse_layout(options.layout);
  config.graph = parse_graph(options.graph);
  config.order = parse_order(options.order);
  config.degree = options.degree;
  config.build_beam = options.build_beam;
  config.seed = options.seed;
  config.threads = options.threads;
  config.device = parse_device(options.device);
  return config;
}

int run(const BuildOptions& options) {
  require_folder_of(options.output);
  const FloatMatrix vectors = read_floats(options.vectors);
  const std::vector<Id> ids = read_item_ids(options.ids, vectors.rows);
  const ItemLabels labels = read_labels(options.labels, vectors.rows);
  const auto index = make_index(config_of(options.index, vectors.columns));
  Batch items = batch_of(vectors);
  items.labels = labels.view();

  const Stopwatch watch;
  train_for(*index, vectors, options.index);
  {
    ProgressBar bar("building");
    index->add(items, ids, bar.callback());
  }
  if (options.index.refine != 0) {
    ProgressBar bar("refining");
    index->refine({.rounds = options.index.refine, .progress = bar.callback()});
  }
  const double seconds = watch.seconds();
  save_with_bar(*index, options.output);

  report(*index, options, seconds);
  return 0;
}

}  // namespace vecinal::cli
