/// Which slots a walk has seen. Cleared in O(1): each word of 64 bits carries the epoch it was
/// written in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace vecinal {

class VisitedSet {
 public:
  /// Starts an empty set that can hold slots below `count`.
  void reset(std::size_t count) {
    const std::size_t words = (count + 63) / 64;
    if (words_.size() < words) words_.resize(words + words / 8);
    if (++epoch_ == 0) {
      for (Word& word : words_) word = {};
      epoch_ = 1;
    }
  }

  /// True if the slot was not in the set.
  bool insert(Slot slot) {
    // No branches: whether a neighbour is new is close to a coin toss, and a mispredicted one costs
    // 15 cycles.
    Word& word = words_[slot / 64];
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    const std::uint64_t bits = word.epoch == epoch_ ? word.bits : 0;
    const bool fresh = (bits & bit) == 0;
    word = {bits | bit, epoch_};
    return fresh;
  }

  [[nodiscard]] bool contains(Slot slot) const {
    const Word& word = words_[slot / 64];
    return word.epoch == epoch_ && ((word.bits >> (slot % 64)) & 1U) != 0;
  }

 private:
  struct Word {
    std::uint64_t bits = 0;
    std::uint32_t epoch = 0;
  };
  std::vector<Word> words_;
  std::uint32_t epoch_ = 0;
};

}  // namespace vecinal
