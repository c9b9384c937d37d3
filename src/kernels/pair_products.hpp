/// Products of 16-bit steps, two dimensions at a time. Included by kernels.cpp only.
#pragma once

#include "kernels/vec.hpp"

namespace {

using std::int16_t;
using std::size_t;

/// Adds the products of `dims` dimensions, an even number, of rows and panel to sums that stay in
/// registers. panel[d * lanes + 2 * lane + i]: dimension d + i of a lane, d even.
template <size_t Rows, size_t Vectors>
[[gnu::always_inline]] inline void add_pairs(const int16_t* row, size_t stride,
                                             const int16_t* panel, size_t lanes, size_t dims,
                                             I32 (&acc)[Rows][Vectors]) {
  for (size_t d = 0; d < dims; d += 2) {
    I16 x[Vectors];
#pragma GCC unroll 16
    for (size_t v = 0; v < Vectors; ++v) x[v] = load_pairs(panel + d * lanes + 2 * v * F32::width);
#pragma GCC unroll 16
    for (size_t r = 0; r < Rows; ++r) {
      const I16 pair = broadcast_pair(row + r * stride + d);
#pragma GCC unroll 16
      for (size_t v = 0; v < Vectors; ++v) acc[r][v] = dot_pairs(pair, x[v], acc[r][v]);
    }
  }
}

}  // namespace
