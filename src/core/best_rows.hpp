/// The k best of scored rows, and all that are as good as the last of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "core/types.hpp"

namespace vecinal {

/// Moves the rows whose scores are at most `margin` above the k-th best to the front and returns
/// them. The k-th best is then rows[k - 1], if there are so many.
inline std::span<Scored> best_of(std::span<Scored> rows, std::size_t k, float margin = 0) {
  if (rows.size() < k) return rows;
  const auto behind = rows.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(rows.begin(), behind - 1, rows.end());
  const float limit = rows[k - 1].score + margin;
  const auto end =
      std::partition(behind, rows.end(), [&](const Scored& row) { return row.score <= limit; });
  return {rows.begin(), end};
}

/// The best rows so far of those that come one by one: everything within the margin of the k-th.
class BestRows {
 public:
  void reset(std::size_t k, float margin) {
    k_ = k;
    margin_ = margin;
    capacity_ = std::max<std::size_t>(4 * k, 64);
    found_.clear();
  }

  /// Adds a row and returns the new limit for scores worth adding.
  float add(Scored row, float limit) {
    found_.push_back(row);
    if (found_.size() < capacity_) return limit;
    limit = shrink();
    if (found_.size() > capacity_ / 2)
      capacity_ *= 2;  // many equal scores: keep them all, but not one by one
    return limit;
  }

  [[nodiscard]] std::vector<Scored>& found() { return found_; }

  /// Drops rows that are behind the margin; returns the limit.
  float shrink() {
    if (found_.size() < k_) return std::numeric_limits<float>::infinity();
    found_.resize(best_of(found_, k_, margin_).size());
    return found_[k_ - 1].score + margin_;
  }

 private:
  std::size_t k_ = 0;
  float margin_ = 0;
  std::size_t capacity_ = 0;
  std::vector<Scored> found_;
};

}  // namespace vecinal
