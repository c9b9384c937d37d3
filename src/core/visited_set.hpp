/// Which slots a walk has seen. Cleared in O(1): each word of 64 bits carries the epoch it was
/// written in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace vecinal {

class VisitedSet {
  struct Word {
    std::uint64_t bits = 0;
    std::uint32_t epoch = 0;
  };

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

  /// Inserts slots one after another; until the next reset().
  class Inserter {
   public:
    explicit Inserter(VisitedSet& set) : words_(set.words_.data()), epoch_(set.epoch_) {}

    /// True if the slot was not in the set.
    bool operator()(Slot slot) const {
      // No branches: whether a neighbour is new is close to a coin toss, and a mispredicted one
      // costs 15 cycles. A choice by `?:` becomes one.
      Word& word = words_[slot / 64];
      const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
      const std::uint64_t bits = word.bits & -std::uint64_t{word.epoch == epoch_};
      word = {bits | bit, epoch_};
      return (bits & bit) == 0;
    }

   private:
    // Copies of its own, which no store to a word could change.
    Word* words_;
    std::uint32_t epoch_;
  };

  bool insert(Slot slot) { return Inserter(*this)(slot); }

  [[nodiscard]] bool contains(Slot slot) const {
    const Word& word = words_[slot / 64];
    return word.epoch == epoch_ && ((word.bits >> (slot % 64)) & 1U) != 0;
  }

 private:
  std::vector<Word> words_;
  std::uint32_t epoch_ = 0;
};

}  // namespace vecinal
