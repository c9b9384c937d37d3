/// Internal names of things.
#pragma once

#include <cstdint>
#include <limits>

namespace vecinal {

/// Internal number of an item: its row. Never shown to users, who have Id.
using Slot = std::uint32_t;

inline constexpr Slot no_slot = std::numeric_limits<Slot>::max();

/// A slot with its score. Total order: score, then slot, so results never depend on the order of
/// work.
struct Scored {
  float score = 0;
  Slot slot = no_slot;

  friend bool operator<(const Scored& a, const Scored& b) {
    return a.score < b.score || (a.score == b.score && a.slot < b.slot);
  }
  friend bool operator==(const Scored&, const Scored&) = default;
};

}  // namespace vecinal
