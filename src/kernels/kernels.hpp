/// The kernel table: one per instruction set, chosen at run time (dispatch.cpp).
/// Everything above this folder calls vectors through these function pointers only.
#pragma once

#include "kernels/rows.hpp"

namespace vecinal::kernels {

/// out[i] = score of the query (padded_dim floats, zero padded) and rows[slots[i]]; smaller =
/// closer. negative_dot: -<q, x>. l2: squared distance. float32 sums in several chains: the error
/// is at most about (padded_dim / 16 + 8) * 2^-24 of the sum of the absolute products.
using ScoreFn = void (*)(const float* query, const RowView& rows, const std::uint32_t* slots,
                         std::size_t count, float* out) noexcept;

/// A block of rows against a panel of queries (a GEMM that never leaves the registers but as
/// scores).
struct Tile {
  const float* rows = nullptr;  ///< row_count rows of float32
  std::size_t row_stride = 0;   ///< floats
  std::size_t row_count = 0;
  std::size_t dim = 0;
  const float* panel = nullptr;   ///< queries, transposed: panel[d * tile_queries + q]
  const float* bias = nullptr;    ///< one float a row
  float scale = 0;                ///< score = bias[row] + scale * <row, query>
  const float* limits = nullptr;  ///< one a query of the panel
};

/// scores[row * tile_queries + q], and in hits[row] the queries q whose score is <= limits[q].
/// Each dot product is one chain in order of the dimensions: error at most dim * 2^-24 * sum |x_d
/// q_d|.
using TileFn = void (*)(const Tile& tile, float* scores, std::uint32_t* hits) noexcept;

/// Conversions of count values, a multiple of row_padding. To f16 rounds to nearest even; overflow
/// gives inf.
using ToHalfFn = void (*)(const float* from, std::uint16_t* to, std::size_t count) noexcept;
using FromHalfFn = void (*)(const std::uint16_t* from, float* to, std::size_t count) noexcept;

struct KernelTable {
  ScoreFn score[row_types][ops];
  TileFn tile;
  std::uint32_t tile_queries;  ///< width of a panel, at most 32
  std::uint32_t tile_rows;     ///< rows are best given in multiples of this
  ToHalfFn to_half;
  FromHalfFn from_half;
};

const KernelTable& table_scalar() noexcept;
const KernelTable& table_avx2() noexcept;
const KernelTable& table_avx512() noexcept;
const KernelTable& table_neon() noexcept;

}  // namespace vecinal::kernels
