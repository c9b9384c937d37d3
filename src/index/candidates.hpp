/// Candidates of a batch of queries, and the best of them.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "core/types.hpp"
#include "vecinal/batch.hpp"

namespace vecinal {

class VectorIndex;

/// The slots of given candidates, query by query.
class CandidateLists {
 public:
  /// candidates: as many ids for each query; those that the index does not hold are dropped, as are
  /// repeated ones. Throws std::invalid_argument.
  CandidateLists(const VectorIndex& index, std::size_t queries, std::span<const Id> candidates);

  /// Slots of all queries.
  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] std::span<const Slot> operator[](std::size_t query) const {
    const std::size_t begin = query == 0 ? 0 : ends_[query - 1];
    return {slots_.data() + begin, ends_[query] - begin};
  }

 private:
  std::vector<Slot> slots_;
  std::vector<std::size_t> ends_;
};

/// Throws std::invalid_argument if k, or all results together, are out of range.
void validate_k(std::size_t queries, std::size_t k);

/// Answers that hold nothing yet.
[[nodiscard]] Neighbors no_neighbors(std::size_t queries, std::size_t k);

/// The k best of a query, ties by id. found: {distance, id}, in any order; it is sorted.
void write_best(std::size_t query, std::vector<std::pair<float, Id>>& found, Neighbors& hits);

/// A distance as it is told, from a score. Scores of codes are estimates, and those of squares may
/// fall below zero.
[[nodiscard]] float distance_of(Metric metric, float score);

}  // namespace vecinal
