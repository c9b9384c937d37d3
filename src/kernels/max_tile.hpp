/// MaxSim: one document's vectors against a panel of query vectors, of whose products only the
/// greatest of each query vector leaves the registers. Included by kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/tile.hpp"
#include "kernels/vec.hpp"

namespace {

using std::int16_t;
using vecinal::kernels::MaxCodeTile;
using vecinal::kernels::MaxTile;

/// Raises best by the products of `Rows` rows.
template <size_t Rows>
void raise_block(const MaxTile& tile, size_t first) {
  F32 acc[Rows][panel_vectors];
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v) acc[r][v] = zero();
  add_products(tile.rows + first * tile.row_stride, tile.row_stride, tile.panel, 0, tile.dim, acc);
#pragma GCC unroll 16
  for (size_t v = 0; v < panel_vectors; ++v) {
    F32 best = load(tile.best + v * F32::width);
#pragma GCC unroll 16
    for (size_t r = 0; r < Rows; ++r) best = greatest(acc[r][v], best);
    store(tile.best + v * F32::width, best);
  }
}

/// Calls raise(first) for whole blocks of `rows`, the last of which may overlap the one before (a
/// maximum does not mind), and raise_one(row) where there are not enough for a block.
template <size_t rows, class Raise, class RaiseOne>
void for_blocks(size_t count, Raise raise, RaiseOne raise_one) {
  if (count < rows) {
    for (size_t row = 0; row < count; ++row) raise_one(row);
    return;
  }
  for (size_t first = 0; first + rows <= count; first += rows) raise(first);
  if (count % rows != 0) raise(count - rows);
}

void raise_products(const MaxTile& tile) noexcept {
  for_blocks<tile_rows>(
      tile.row_count, [&](size_t first) { raise_block<tile_rows>(tile, first); },
      [&](size_t row) { raise_block<1>(tile, row); });
}

/// Rows of a block of codes: products need a register before they are added.
constexpr size_t code_tile_rows = F32::registers / 4;

/// The same for rows of codes. A lane takes the products of two dimensions at once.
template <size_t Rows>
void raise_code_block(const MaxCodeTile& tile, size_t first) {
  I32 acc[Rows][panel_vectors];
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v) acc[r][v] = zero_i32();
  const int16_t* row = tile.rows + first * tile.row_stride;
  for (size_t d = 0; d < tile.dim; d += 2) {
    I16 q[panel_vectors];
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v)
      q[v] = load_pairs(tile.panel + d * tile_queries + 2 * v * F32::width);
#pragma GCC unroll 16
    for (size_t r = 0; r < Rows; ++r) {
      const I16 x = broadcast_pair(row + r * tile.row_stride + d);
#pragma GCC unroll 16
      for (size_t v = 0; v < panel_vectors; ++v) acc[r][v] = dot_pairs(x, q[v], acc[r][v]);
    }
  }
#pragma GCC unroll 16
  for (size_t v = 0; v < panel_vectors; ++v) {
    const F32 sums = load(tile.sums + v * F32::width);
    F32 best = load(tile.best + v * F32::width);
#pragma GCC unroll 16
    for (size_t r = 0; r < Rows; ++r) {
      const F32 whole = fma(broadcast(tile.offsets + first + r), sums, to_floats(acc[r][v]));
      best = greatest(fma(broadcast(tile.steps + first + r), whole, zero()), best);
    }
    store(tile.best + v * F32::width, best);
  }
}

void raise_code_products(const MaxCodeTile& tile) noexcept {
  for_blocks<code_tile_rows>(
      tile.row_count, [&](size_t first) { raise_code_block<code_tile_rows>(tile, first); },
      [&](size_t row) { raise_code_block<1>(tile, row); });
}

}  // namespace
