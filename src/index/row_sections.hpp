/// The sections of an index file that hold its rows.
#pragma once

#include <cstdint>

#include "index/array_reader.hpp"
#include "index/rows.hpp"

namespace vecinal {

/// The section of the rows that are walked.
[[nodiscard]] const char* walked_tag(const Rows& rows);

struct RowSections {
  std::size_t count = 0;
  bool tails = true;  ///< false: fused rows whose tails are still to be written
};

/// Reads the rows that are walked and those that rank.
RowSections read_rows(ArrayReader& arrays, std::uint64_t slots, std::uint32_t degree, Rows& rows);

}  // namespace vecinal
