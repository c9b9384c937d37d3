/// Products of matrices: tile_rows rows x tile_queries queries, all sums in registers. Included by
/// kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/vec.hpp"

namespace {

using std::size_t;
using std::uint32_t;
using vecinal::kernels::Tile;

constexpr size_t panel_vectors = 2;
constexpr size_t tile_queries = panel_vectors * F32::width;
constexpr size_t tile_rows = (F32::registers - 2 * panel_vectors) / panel_vectors;

// Dimensions a panel is walked at a time, so that its part stays in L1 while all rows pass it.
constexpr size_t panel_dims = 256;

/// Adds the products of dimensions [begin, end) of rows and panel to sums that stay in registers.
/// Every loop over them is unrolled: an index that is no constant would keep them in memory (3x
/// slower).
template <size_t Rows>
[[gnu::always_inline]] inline void add_products(const float* row, size_t stride, const float* panel,
                                                size_t begin, size_t end,
                                                F32 (&acc)[Rows][panel_vectors]) {
  for (size_t d = begin; d < end; ++d) {
    F32 q[panel_vectors];
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v)
      q[v] = load(panel + d * tile_queries + v * F32::width);
#pragma GCC unroll 16
    for (size_t r = 0; r < Rows; ++r) {
      const F32 x = broadcast(row + r * stride + d);
#pragma GCC unroll 16
      for (size_t v = 0; v < panel_vectors; ++v) acc[r][v] = fma(x, q[v], acc[r][v]);
    }
  }
}

/// Adds the products of dimensions [begin, end) to the sums in products.
template <size_t Rows>
void tile_block(const Tile& tile, size_t first, size_t begin, size_t end, float* products) {
  F32 acc[Rows][panel_vectors];
  float* sums = products + first * tile_queries;
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v)
      acc[r][v] = begin == 0 ? zero() : load(sums + r * tile_queries + v * F32::width);
  add_products(tile.rows + first * tile.row_stride, tile.row_stride, tile.panel, begin, end, acc);
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v)
      store(sums + r * tile_queries + v * F32::width, acc[r][v]);
}

void tile(const Tile& t, float* products) noexcept {
  for (size_t begin = 0; begin < t.dim; begin += panel_dims) {
    const size_t end = begin + panel_dims < t.dim ? begin + panel_dims : t.dim;
    size_t first = 0;
    for (; first + tile_rows <= t.row_count; first += tile_rows)
      tile_block<tile_rows>(t, first, begin, end, products);
    for (; first < t.row_count; ++first) tile_block<1>(t, first, begin, end, products);
  }
}

}  // namespace
