/// The candidates of a walk: the `capacity` best nodes seen, sorted, with the next one to expand.
/// Only the `window` best are expanded; the others are kept for re-ranking (the split buffer of
/// SVS).
///
/// An entry is one 64-bit key, {score as an ordered integer : 32 | node : 31 | expanded : 1}, so
/// that keeping the total order (score, node) costs one integer comparison. Behind the entries are
/// keys as large as any.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/types.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {

class Pool {
 public:
  void reset(std::size_t window, std::size_t capacity) {
    keys_.assign(capacity + kernels::key_padding, last_);
    window_ = window;
    capacity_ = capacity;
    size_ = 0;
    next_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool full() const { return size_ == capacity_; }
  [[nodiscard]] Scored operator[](std::size_t i) const {
    return {score_of(keys_[i]), node_of(keys_[i])};
  }

  /// True if an entry of this score would be kept for sure or on a tie.
  [[nodiscard]] bool admits(float score) const { return score <= limit(); }

  /// Scores above it are not admitted.
  [[nodiscard]] float limit() const {
    return size_ < capacity_ ? std::numeric_limits<float>::infinity() : score_of(keys_[size_ - 1]);
  }

  /// Node must not be in the pool already.
  void insert(float score, std::uint32_t node) {
    const std::int64_t key = (std::int64_t{ordered(score)} << 32U) | (node << 1U);
    if (size_ == capacity_) {
      if (key >= keys_[size_ - 1]) return;
      --size_;
    }
    const std::size_t at = insert_key_(keys_.data(), size_, key);
    ++size_;
    next_ = std::min(next_, at);
  }

  /// The best entry of the window that was not expanded yet, marked expanded; or an entry with
  /// no_slot.
  Scored pop() {
    const std::size_t end = std::min(window_, size_);
    while (next_ < end) {
      std::int64_t& key = keys_[next_++];
      if ((key & 1U) == 0) {
        key |= 1U;
        return {score_of(key), node_of(key)};
      }
    }
    return {};
  }

  /// The node that pop() would return now, or no_slot.
  [[nodiscard]] std::uint32_t peek() const {
    const std::size_t end = std::min(window_, size_);
    for (std::size_t i = next_; i < end; ++i)
      if ((keys_[i] & 1U) == 0) return node_of(keys_[i]);
    return no_slot;
  }

 private:
  /// Order-preserving map of finite floats to integers, and back.
  static std::int32_t ordered(float score) {
    const auto bits = std::bit_cast<std::int32_t>(score + 0.0F);
    return bits < 0 ? bits ^ 0x7FFFFFFF : bits;
  }
  static float score_of(std::int64_t key) {
    const auto bits = static_cast<std::int32_t>(key >> 32U);
    return std::bit_cast<float>(bits < 0 ? bits ^ 0x7FFFFFFF : bits);
  }
  static std::uint32_t node_of(std::int64_t key) { return static_cast<std::uint32_t>(key) >> 1U; }

  static constexpr std::int64_t last_ = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> keys_;
  kernels::InsertKeyFn insert_key_ = kernels::active().insert_key;
  std::size_t window_ = 0;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t next_ = 0;
};

}  // namespace vecinal
