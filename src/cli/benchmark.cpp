#include "benchmark.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "stopwatch.hpp"

namespace vecinal::cli {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

std::vector<std::size_t> effective_beams(const Index& index, const SweepOptions& options) {
  if (options.recall != 0) return {0};
  if (index.config().graph == GraphKind::none) return {options.k};
  std::vector<std::size_t> beams = options.beams;
  // A fused walk may expand fewer nodes than it scores.
  if (index.config().layout != Layout::fused)
    for (std::size_t& beam : beams) beam = std::max(beam, options.k);
  std::ranges::sort(beams);
  beams.erase(std::unique(beams.begin(), beams.end()), beams.end());
  return beams;
}

SearchParams params_of(const SweepOptions& options, std::size_t beam) {
  SearchParams params;
  params.k = options.k;
  params.recall = options.recall;
  params.beam = beam;
  params.rerank = options.rerank;
  params.gamma = options.gamma;
  params.reduced_dim = options.reduced_dim;
  params.threads = options.threads;
  return params;
}

/// Results that no other result beats in both recall and speed: recall ascends, speed descends.
std::vector<BeamResult> pareto_front(std::span<const BeamResult> results) {
  std::vector<BeamResult> sorted(results.begin(), results.end());
  std::ranges::sort(sorted, [](const BeamResult& a, const BeamResult& b) {
    return a.recall != b.recall ? a.recall > b.recall : a.qps > b.qps;
  });
  std::vector<BeamResult> front;
  for (const BeamResult& result : sorted) {
    if (front.empty() || result.qps > front.back().qps) front.push_back(result);
  }
  std::ranges::reverse(front);
  return front;
}

}  // namespace

double recall_at(const Neighbors& found, MatrixView<Id> truth, std::size_t k) {
  if (truth.rows != found.queries || truth.columns < k) {
    throw std::invalid_argument(
        fmt::format("the ground truth has {} rows of {} ids, expected {} rows of at least {}",
                    truth.rows, truth.columns, found.queries, k));
  }
  std::size_t hits = 0;
  std::size_t possible = 0;
  std::vector<Id> wanted;
  for (std::size_t query = 0; query < found.queries; ++query) {
    const auto row = truth.row(query).first(k);
    wanted.assign(row.begin(), row.end());
    std::erase(wanted, no_id);
    std::ranges::sort(wanted);
    possible += wanted.size();
    for (const Id id : found.ids_of(query).first(std::min(k, found.k))) {
      if (std::ranges::binary_search(wanted, id)) ++hits;
    }
  }
  return possible == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(possible);
}

std::vector<BeamResult> sweep(const Index& index, const FloatMatrix& queries, MatrixView<Id> truth,
                              const SweepOptions& options) {
  if (options.beams.empty() || options.repeats == 0) {
    throw std::invalid_argument("a sweep needs at least one beam and one repeat");
  }
  const Batch batch = batch_of(queries);
  const auto count = static_cast<double>(queries.rows);
  std::vector<BeamResult> results;
  for (const std::size_t beam : effective_beams(index, options)) {
    const Neighbors found = index.search(batch, params_of(options, beam));
    results.push_back({.beam = beam,
                       .recall = recall_at(found, truth, options.k),
                       .distances = static_cast<double>(found.stats.distances) / count,
                       .hops = static_cast<double>(found.stats.hops) / count,
                       .reranked = static_cast<double>(found.stats.reranked) / count});
  }
  std::vector<std::vector<double>> seconds(results.size());
  for (std::size_t round = 0; round < options.repeats; ++round) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      const SearchParams params = params_of(options, results[i].beam);
      const Stopwatch watch;
      const Neighbors found = index.search(batch, params);
      seconds[i].push_back(std::max(watch.seconds(), 1e-9));
    }
  }
  for (std::size_t i = 0; i < results.size(); ++i) results[i].qps = count / median(seconds[i]);
  return results;
}

std::optional<double> qps_at(std::span<const BeamResult> results, double recall) {
  const std::vector<BeamResult> front = pareto_front(results);
  const auto above = std::ranges::find_if(
      front, [&](const BeamResult& result) { return result.recall >= recall; });
  if (above == front.end()) return std::nullopt;
  if (above == front.begin()) return above->qps;
  const auto below = above - 1;
  const double share = (recall - below->recall) / (above->recall - below->recall);
  return std::exp(std::lerp(std::log(below->qps), std::log(above->qps), share));
}

IdMatrix exact_truth(const FloatMatrix& base, const FloatMatrix& queries, Metric metric,
                     std::size_t k, const Progress& progress) {
  Config config;
  config.dim = base.columns;
  config.metric = metric;
  config.graph = GraphKind::none;
  const auto flat = make_index(config);
  flat->add(batch_of(base));
  SearchParams params;
  params.k = k;
  params.progress = progress;
  Neighbors found = flat->search(batch_of(queries), params);
  return {found.queries, found.k, std::move(found.ids)};
}

}  // namespace vecinal::cli
