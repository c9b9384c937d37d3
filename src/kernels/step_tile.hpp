/// The scan for rows that may be near: products of rows and queries in 16-bit steps, of which
/// scores are made that are never too high. Included by kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/max_tile.hpp"
#include "kernels/pair_products.hpp"
#include "kernels/vec.hpp"

namespace {

using std::int32_t;
using vecinal::kernels::StepTile;

/// Dimensions a panel is walked at a time, so that its part stays in L1.
constexpr size_t step_dims = 2 * panel_dims;

/// Adds the products of dimensions [begin, end) to the sums of some rows.
template <size_t Rows>
void step_block(const StepTile& tile, size_t first, size_t begin, size_t end) {
  I32 acc[Rows][panel_vectors];
  int32_t* sums = tile.sums + first * tile_queries;
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v)
      acc[r][v] = begin == 0 ? zero_i32() : load_i32(sums + r * tile_queries + v * F32::width);
  add_pairs(tile.rows + first * tile.row_stride + begin, tile.row_stride,
            tile.panel + begin * tile_queries, tile_queries, end - begin, acc);
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v)
      store(sums + r * tile_queries + v * F32::width, acc[r][v]);
}

/// Sums to scores, and which of them are within the limits.
uint32_t step_scores(const StepTile& tile, size_t row, float* scores) {
  const F32 gain = broadcast(tile.gains + row);
  const F32 bias = broadcast(tile.bias + row);
  uint32_t mask = 0;
  for (size_t v = 0; v < tile_queries; v += F32::width) {
    const F32 products = to_floats(load_i32(tile.sums + row * tile_queries + v));
    const F32 least = sub(mul(products, load(tile.scales + v)), load(tile.slacks + v));
    const F32 score = fma(least, gain, bias);
    store(scores + row * tile_queries + v, score);
    mask |= less_equal(score, load(tile.limits + v)) << v;
  }
  return mask;
}

void step_tile(const StepTile& tile, float* scores, uint32_t* hits) noexcept {
  for (size_t begin = 0; begin < tile.dim; begin += step_dims) {
    const size_t end = begin + step_dims < tile.dim ? begin + step_dims : tile.dim;
    size_t first = 0;
    for (; first + code_tile_rows <= tile.row_count; first += code_tile_rows)
      step_block<code_tile_rows>(tile, first, begin, end);
    for (; first < tile.row_count; ++first) step_block<1>(tile, first, begin, end);
  }
  for (size_t row = 0; row < tile.row_count; ++row) hits[row] = step_scores(tile, row, scores);
}

}  // namespace
