/// A dense set of slots, as a view of its words.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/types.hpp"

namespace vecinal {

/// Words, with the number of slots they cover.
struct BitmapView {
  const std::uint64_t* words = nullptr;
  std::size_t count = 0;

  /// Slots 64 i .. 64 i + 63, the least significant bit first.
  [[nodiscard]] std::uint64_t word(std::size_t i) const { return words[i]; }

  [[nodiscard]] bool contains(Slot slot) const {
    return ((word(slot / 64) >> (slot % 64)) & 1U) != 0;
  }
};

}  // namespace vecinal
