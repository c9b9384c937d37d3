/// Codes of float rows, which the walks of a large insertion read in their stead.
///
/// A walk waits for the rows it scores. Codes of 8 bits are a quarter of float32 rows and lead it
/// to the same candidates; links are chosen among these by the rows themselves.
#pragma once

#include <memory>
#include <span>

#include "index/rows.hpp"

namespace vecinal {

/// Bytes that codes take for a while when `items` are added to make `all`; 0 where rows are better
/// walked as they are.
[[nodiscard]] std::size_t build_code_bytes(const Rows& rows, std::size_t items, std::size_t all);

/// Codes of the rows of the slots, at the same slots.
[[nodiscard]] std::unique_ptr<const Rows> build_codes(const Config& config, const Rows& rows,
                                                      std::span<const Slot> slots);

}  // namespace vecinal
