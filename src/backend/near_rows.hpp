/// The rows that may be among the k best, where scores are known within bounds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "core/types.hpp"

namespace vecinal {

class NearRows {
 public:
  struct Row {
    float least = 0;     ///< its score is not below this,
    float greatest = 0;  ///< nor above this
    Slot slot = no_slot;
  };

  /// doubt: by which bounds may be wrong.
  void reset(std::size_t k, float doubt) {
    k_ = k;
    doubt_ = 2 * doubt;
    capacity_ = std::max<std::size_t>(4 * k, 64);
    rows_.clear();
  }

  /// Adds a row and returns the new limit for the least score of rows worth adding.
  float add(const Row& row, float limit) {
    rows_.push_back(row);
    if (rows_.size() < capacity_) return limit;
    limit = shrink();
    if (rows_.size() > capacity_ / 2) capacity_ *= 2;  // many that cannot be told apart
    return limit;
  }

  /// Drops rows that k others are certainly before; returns the limit.
  float shrink() {
    if (rows_.size() < k_) return std::numeric_limits<float>::infinity();
    const auto kth = rows_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(rows_.begin(), kth, rows_.end(),
                     [](const Row& a, const Row& b) { return a.greatest < b.greatest; });
    const float limit = kth->greatest + doubt_;
    std::erase_if(rows_, [limit](const Row& row) { return row.least > limit; });
    return limit;
  }

  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

 private:
  std::size_t k_ = 0;
  float doubt_ = 0;
  std::size_t capacity_ = 0;
  std::vector<Row> rows_;
};

}  // namespace vecinal
