/// Measures an index: recall against exact answers and speed, over a range of beams. Shared by the
/// bench command and the programs in benchmarks/search.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "matrix.hpp"
#include "vecinal/index.hpp"

namespace vecinal::cli {

struct BeamResult {
  std::size_t beam = 0;  ///< 0: tuned
  double recall = 0;
  double qps = 0;        ///< queries per second, the batch searched at once
  double distances = 0;  ///< scores computed, per query
  double hops = 0;       ///< graph nodes expanded, per query
  double reranked = 0;   ///< candidates scored again by full rows, per query
};

struct SweepOptions {
  std::size_t k = 10;
  std::vector<std::size_t>
      beams;               ///< raised to k but in the fused layout; equal values are measured once
  double recall = 0;       ///< as in SearchParams; in place of the beams
  std::size_t rerank = 0;  ///< as in SearchParams
  float gamma = 0;         ///< as in SearchParams
  std::size_t reduced_dim = 0;  ///< as in SearchParams
  std::size_t repeats = 3;      ///< timed runs of each beam; the median counts
  unsigned threads = 0;
};

/// The share of the true k nearest that was found: a hit is an id among the first k of its row of
/// truth, whatever the distances. -1 in truth (fewer than k exist) does not count.
/// Throws std::invalid_argument unless truth has the rows of found and at least k columns.
[[nodiscard]] double recall_at(const Neighbors& found, MatrixView<Id> truth, std::size_t k);

/// One result per beam, ascending. The first round is not timed (it warms the caches and measures
/// recall); the timed rounds go through all beams in turn, so that a slow moment of the machine
/// does not fall on one beam alone. An index without a graph is measured once.
[[nodiscard]] std::vector<BeamResult> sweep(const Index& index, const FloatMatrix& queries,
                                            MatrixView<Id> truth, const SweepOptions& options);

/// Queries per second at a recall, interpolated (log speed over recall) between the neighbouring
/// results of the Pareto front. Nothing if no result reaches it; if all do, the fastest result.
[[nodiscard]] std::optional<double> qps_at(std::span<const BeamResult> results, double recall);

/// The k nearest rows of base, by exact search over float32.
[[nodiscard]] IdMatrix exact_truth(const FloatMatrix& base, const FloatMatrix& queries,
                                   Metric metric, std::size_t k, const Progress& progress = {});

}  // namespace vecinal::cli
