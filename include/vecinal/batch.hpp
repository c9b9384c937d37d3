/// A view of float32 rows that goes in, and the neighbours that come out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vecinal/config.hpp"
#include "vecinal/filter.hpp"

namespace vecinal {

/// Labels of items that are added, a view. Without offsets one for each item; with them item i has
/// values [offsets[i], offsets[i + 1]).
struct Labels {
  std::span<const Label> values = {};
  std::span<const std::size_t> offsets =
      {};  ///< none, or one more than there are items, ascending from 0 to the number of values
};

/// n items as rows of float32; a view, so the caller keeps the memory alive during the call.
///
/// Without offsets every row is an item. With them, for Metric::chamfer, items are sets of vectors:
/// item i is the rows [offsets[i], offsets[i + 1]).
struct Batch {
  const float* data = nullptr;
  std::size_t count = 0;   ///< rows
  std::size_t dim = 0;     ///< values of a row
  std::size_t stride = 0;  ///< floats from one row to the next, >= dim; 0 means dim
  std::span<const std::size_t> offsets =
      {};  ///< none, or one more than there are items, ascending from 0 to count

  Labels labels = {};  ///< of items that are added; none: items without labels

  [[nodiscard]] const float* row(std::size_t i) const {
    return data + i * (stride == 0 ? dim : stride);
  }

  [[nodiscard]] std::size_t items() const { return offsets.empty() ? count : offsets.size() - 1; }

  /// The first row of item i; that of the item after the last is the number of rows.
  [[nodiscard]] std::size_t begin(std::size_t i) const { return offsets.empty() ? i : offsets[i]; }
};

/// What a search cost, summed over the batch.
struct SearchStats {
  std::uint64_t hops = 0;       ///< graph nodes expanded
  std::uint64_t distances = 0;  ///< scores computed
  std::uint64_t reranked = 0;   ///< candidates scored again by full rows
  std::uint64_t exact = 0;      ///< queries answered by an exact scan
  std::size_t allowed = 0;      ///< items that the filter allows
  Plan plan = Plan::walk;       ///< the one chosen; a walk that found too little ends in a scan
};

/// Answers to a batch: row-major (queries x k), best first, ties by id.
/// Row i holds counts[i] results, then no_id and +inf.
struct Neighbors {
  std::size_t queries = 0;
  std::size_t k = 0;
  std::vector<Id> ids;
  std::vector<float> distances;
  std::vector<std::uint32_t> counts;
  SearchStats stats;
  std::vector<std::uint8_t> complete = {};  ///< of a search with a timeout: 0 for each query that
                                            ///< was cut short by it; empty without

  [[nodiscard]] std::span<const Id> ids_of(std::size_t query) const {
    return {ids.data() + query * k, k};
  }
  [[nodiscard]] std::span<const float> distances_of(std::size_t query) const {
    return {distances.data() + query * k, k};
  }
};

}  // namespace vecinal
