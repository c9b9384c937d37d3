/// A dense set of slots that one writer changes while readers look.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/growable_array.hpp"
#include "core/types.hpp"

namespace vecinal {

/// Read side: words taken at one moment, with the number of slots they cover.
struct BitmapView {
  const std::uint64_t* words = nullptr;
  std::size_t count = 0;

  /// Slots 64 i .. 64 i + 63, the least significant bit first.
  [[nodiscard]] std::uint64_t word(std::size_t i) const {
    return std::atomic_ref(const_cast<std::uint64_t&>(words[i])).load(std::memory_order_relaxed);
  }

  [[nodiscard]] bool contains(Slot slot) const {
    return ((word(slot / 64) >> (slot % 64)) & 1U) != 0;
  }
};

class Bitmap {
 public:
  /// Covers slots below `count`; new ones are absent.
  void resize(std::size_t count) {
    words_.resize((count + 63) / 64);
    count_ = count;
  }

  void set(Slot slot, bool present) {
    std::atomic_ref word(words_[slot / 64]);
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    const std::uint64_t old = word.load(std::memory_order_relaxed);
    word.store(present ? old | bit : old & ~bit, std::memory_order_release);
  }

  [[nodiscard]] bool contains(Slot slot) const { return view().contains(slot); }
  [[nodiscard]] BitmapView view() const { return {words_.data(), count_}; }

  [[nodiscard]] std::size_t popcount() const {
    std::size_t total = 0;
    for (const std::uint64_t word : words_.view())
      total += static_cast<std::size_t>(std::popcount(word));
    return total;
  }

  GrowableArray<std::uint64_t>& words() { return words_; }
  [[nodiscard]] const GrowableArray<std::uint64_t>& words() const { return words_; }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  GrowableArray<std::uint64_t> words_;
  std::size_t count_ = 0;
};

}  // namespace vecinal
