/// Inner products of 32 rows of floats with a panel of 32 queries, by one warp, on tensor cores: a
/// value is the sum of two bfloat16, its upper half and what that leaves, and three of the four
/// products of halves are taken (Henry, Tang, Heinecke, "Leveraging the bfloat16 artificial
/// intelligence datatype for higher-precision computations", 2019). Halves have the range of
/// floats, and are off by 2^-18 of the value at most; so products of unit vectors by 3 * 2^-18,
/// beside the rounding of sums.
///
/// A panel has, for every 16 dims, the upper halves of 32 queries, then their lower ones.
#pragma once

#include "bf16_tile.hpp"
#include "panel_tile.hpp"

namespace vecinal::cuda {

inline constexpr unsigned split_dims = 16;  ///< of a step

/// Two values as halves, side by side.
struct SplitPair {
  unsigned upper;
  unsigned lower;
};

/// a, b: bits of floats.
__device__ inline SplitPair split(unsigned a, unsigned b) {
  const float first = __uint_as_float(a);
  const float second = __uint_as_float(b);
  const unsigned upper = pack_bf16(first, second);
  return {upper, pack_bf16(__fsub_rn(first, __uint_as_float(upper << 16U)),
                           __fsub_rn(second, __uint_as_float(upper & 0xFFFF0000U)))};
}

/// Word `at` of a panel; values(vector): those of a query, or null for none.
template <class Values>
__device__ unsigned split_word(Values values, unsigned at) {
  const unsigned* from = values(at / 8 % panel_vectors);
  if (from == nullptr) return 0;
  from += at / panel_step_words * split_dims + at % 8 * 2;
  const SplitPair pair = split(from[0], from[1]);
  return at / panel_plane_words % 2 == 0 ? pair.upper : pair.lower;
}

/// Values: F32Values or F16Values. ahead: of stream_rows(). padded_dim: a multiple of 16.
template <class Values, unsigned ahead>
__device__ SumTile multiply_split(const TileRows& rows, unsigned padded_dim, const unsigned* panel,
                                  unsigned lane) {
  SumTile tile = {};
  const auto load = [&](const unsigned char* row, unsigned step) {
    return Values::fetch(row, split_dims * step + lane % 4 * 4);
  };
  stream_rows<typename Values::Packed, ahead>(
      rows, padded_dim / split_dims, load, [&](unsigned step, const auto& x) {
        unsigned upper[SumTile::row_tiles][4];
        unsigned lower[SumTile::row_tiles][4];
#pragma unroll
        for (unsigned m = 0; m < SumTile::row_tiles; ++m)
#pragma unroll
          for (unsigned half = 0; half < 2; ++half) {
            const uint4 values = Values::unpack(x[m][half]);
            const SplitPair first = split(values.x, values.y);
            const SplitPair second = split(values.z, values.w);
            upper[m][half] = first.upper;
            upper[m][half + 2] = second.upper;
            lower[m][half] = first.lower;
            lower[m][half + 2] = second.lower;
          }
        const unsigned* planes = panel + step * panel_step_words;
#pragma unroll
        for (unsigned j = 0; j < SumTile::vector_tiles; ++j) {
          const uint2 high = plane_part(planes, j, lane);
          const uint2 low = plane_part(planes + panel_plane_words, j, lane);
#pragma unroll
          for (unsigned m = 0; m < SumTile::row_tiles; ++m) {
            multiply_bf16(tile.sums[m][j], upper[m], high);
            multiply_bf16(tile.sums[m][j], upper[m], low);
            multiply_bf16(tile.sums[m][j], lower[m], high);
          }
        }
      });
  return tile;
}

}  // namespace vecinal::cuda
