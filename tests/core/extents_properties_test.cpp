// FreeExtents against a bit for each row.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/extents.hpp"
#include "support/steps.hpp"

namespace vecinal {
namespace {

constexpr unsigned rows = 40;
using Bits = std::vector<bool>;

/// The first row of the smallest range of set bits that holds so many, the first of those.
std::optional<Slot> best_fit(const Bits& free, std::size_t wanted) {
  std::optional<Extent> best;
  for (Slot begin = 0; begin < rows; ++begin) {
    Slot end = begin;
    while (end < rows && free[end]) ++end;
    const Extent run{begin, end};
    if (run.size() >= wanted && (!best || run.size() < best->size())) best = run;
    begin = end;
  }
  return best ? std::optional(best->begin) : std::nullopt;
}

RC_GTEST_PROP(ExtentsProperties, TakesTheBestFitOfWhatIsFree, ()) {
  FreeExtents extents;
  Bits free(rows, false);
  for (const auto& [kind, a, b] : *test::steps(2)) {
    if (kind == 0) {
      const auto begin = static_cast<Slot>(a % rows);
      auto end = begin;
      while (end < std::min(rows, begin + b % 9) && !free[end]) free[end++] = true;
      extents.give({begin, end});
      continue;
    }
    const unsigned wanted = 1 + b % 9;
    const std::optional<Slot> expected = best_fit(free, wanted);
    RC_ASSERT(extents.take(wanted) == expected);
    for (unsigned i = 0; expected && i < wanted; ++i) free[*expected + i] = false;
  }
}

}  // namespace
}  // namespace vecinal
