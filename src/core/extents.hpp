/// Ranges of rows that are free, and the best fit among them.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/types.hpp"

namespace vecinal {

/// Rows [begin, end).
struct Extent {
  Slot begin = 0;
  Slot end = 0;

  [[nodiscard]] std::size_t size() const { return end - begin; }
  [[nodiscard]] bool empty() const { return begin == end; }
};

class FreeExtents {
 public:
  /// Rows that are not free yet. Neighbouring ones become one.
  void give(Extent extent) {
    if (extent.empty()) return;
    const auto after = begins_.lower_bound(extent.begin);
    if (after != begins_.end() && after->first == extent.end) extent.end = drop(after).end;
    const auto next = begins_.lower_bound(extent.begin);
    if (next != begins_.begin() && std::prev(next)->second == extent.begin)
      extent.begin = drop(std::prev(next)).begin;
    insert(extent);
  }

  /// The first of the smallest range that holds so many rows, which are then taken.
  [[nodiscard]] std::optional<Slot> take(std::size_t rows) {
    const auto found = sizes_.lower_bound({rows, 0});
    if (found == sizes_.end()) return std::nullopt;
    const Extent extent = drop(begins_.find(found->second));
    const auto used = static_cast<Slot>(extent.begin + rows);
    if (used != extent.end) insert({used, extent.end});
    return extent.begin;
  }

 private:
  using Begins = std::map<Slot, Slot>;

  void insert(Extent extent) {
    begins_.emplace(extent.begin, extent.end);
    sizes_.emplace(extent.size(), extent.begin);
  }

  Extent drop(Begins::const_iterator at) {
    const Extent extent{at->first, at->second};
    sizes_.erase({extent.size(), extent.begin});
    begins_.erase(at);
    return extent;
  }

  Begins begins_;                                 ///< end of each range by its begin
  std::set<std::pair<std::size_t, Slot>> sizes_;  ///< {size, begin}
};

}  // namespace vecinal
