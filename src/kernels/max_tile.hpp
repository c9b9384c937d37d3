/// MaxSim: one document's vectors against a panel of query vectors, of whose products only the
/// greatest of each query vector leaves the registers. Included by kernels.cpp only.
#pragma once

#include "kernels/float_rows.hpp"
#include "kernels/kernels.hpp"
#include "kernels/pair_products.hpp"
#include "kernels/tile.hpp"
#include "kernels/vec.hpp"

namespace {

using std::int16_t;
using vecinal::kernels::Ahead;
using vecinal::kernels::MaxCodeTile;
using vecinal::kernels::MaxTile;

/// Fetches what is read next in even shares, one for each part of the work.
class Fetcher {
 public:
  Fetcher(const Ahead& ahead, size_t parts) : at_(ahead.from), left_(ahead.bytes) {
    constexpr size_t line = 64;
    if (parts != 0) share_ = (left_ + parts * line - 1) / (parts * line) * line;
  }

  void fetch_share() {
    const size_t bytes = share_ < left_ ? share_ : left_;
    if (bytes == 0) return;
    prefetch_row(at_, bytes);
    at_ += bytes;
    left_ -= bytes;
  }

 private:
  const std::byte* at_;
  size_t left_;
  size_t share_ = 0;
};

/// Dimensions between two shares of a fetch.
constexpr size_t part_dims = 16;

/// Raises best by the products of `Rows` rows.
template <size_t Rows>
void raise_block(const MaxTile& tile, size_t first, Fetcher& fetcher) {
  F32 acc[Rows][panel_vectors];
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v) acc[r][v] = zero();
  const float* row = tile.rows + first * tile.row_stride;
  for (size_t begin = 0; begin < tile.dim; begin += part_dims) {
    fetcher.fetch_share();
    const size_t end = begin + part_dims < tile.dim ? begin + part_dims : tile.dim;
    add_products(row, tile.row_stride, tile.panel, begin, end, acc);
  }
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
  const size_t blocks = (tile.row_count + tile_rows - 1) / tile_rows;
  Fetcher fetcher(tile.ahead, blocks * ((tile.dim + part_dims - 1) / part_dims));
  for_blocks<tile_rows>(
      tile.row_count, [&](size_t first) { raise_block<tile_rows>(tile, first, fetcher); },
      [&](size_t row) { raise_block<1>(tile, row, fetcher); });
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
  add_pairs(row, tile.row_stride, tile.panel, tile_queries, tile.dim, acc);
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
