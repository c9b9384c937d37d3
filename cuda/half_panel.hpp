/// Inner products of 32 rows of halves with a panel of 32 vectors of floats, by one warp, on tensor
/// cores: a value of a vector, times a power of two that brings its vector below 2^15, is the sum
/// of two halves, off by 2^-22 of the value at most; both are multiplied by the rows as they are.
///
/// A panel has, for every 16 dims, the upper halves of 32 vectors, then their lower ones; behind
/// all of them what the products of each vector are to be multiplied by.
#pragma once

#include "half_tile.hpp"
#include "panel_tile.hpp"
#include "score.hpp"

namespace vecinal::cuda {

inline constexpr unsigned half_step_dims = 16;

[[nodiscard]] __host__ __device__ inline std::size_t half_panel_bytes(std::size_t padded_dim) {
  return panel_vectors * (padded_dim * 2 * sizeof(std::uint16_t) + sizeof(float));
}
/// What the products of a vector are to be multiplied by stands there in a panel.
__device__ inline std::size_t half_unit_at(unsigned padded_dim, unsigned vector) {
  return half_panel_bytes(padded_dim) - (panel_vectors - vector) * sizeof(float);
}

/// Fills a panel; a block of 256 threads, of which eight look after a vector. values(vector): its
/// values, or null for none.
template <class Values>
__device__ void pack_half_panel(unsigned char* panel, unsigned padded_dim, Values values) {
  const unsigned vector = threadIdx.x / 8;
  const unsigned part = threadIdx.x % 8;
  const float* from = values(vector);
  float most = 0;
  for (unsigned d = part; d < padded_dim; d += 8)
    most = fmaxf(most, from == nullptr ? 0 : fabsf(from[d]));
#pragma unroll
  for (int step = 4; step != 0; step /= 2)
    most = fmaxf(most, __shfl_xor_sync(all_lanes, most, step));
  // As large as halves may be: then the lower ones of small values are not rounded away.
  const float scale = scale_below_one(most) * (most > 0x1p-100F ? 0x1p15F : 1.0F);
  if (part == 0) *reinterpret_cast<float*>(panel + half_unit_at(padded_dim, vector)) = 1.0F / scale;
  // Of every 16 dims, a thread has the pair that is its part's.
  auto* words = reinterpret_cast<unsigned*>(panel);
  for (unsigned step = 0; step < padded_dim / half_step_dims; ++step) {
    const float* pair = from == nullptr ? nullptr : from + step * half_step_dims + 2 * part;
    const float first = pair == nullptr ? 0 : pair[0] * scale;
    const float second = pair == nullptr ? 0 : pair[1] * scale;
    const unsigned upper = pack_halves(first, second);
    const unsigned lower = pack_halves(__fsub_rn(first, half_value(upper & 0xFFFFU)),
                                       __fsub_rn(second, half_value(upper >> 16U)));
    unsigned* planes = words + step * panel_step_words;
    planes[8 * vector + part] = upper;
    planes[panel_plane_words + 8 * vector + part] = lower;
  }
}

/// Adds the products of rows that lie in shared memory, in units of each vector (half_unit_at()).
/// steps: of 16 dims; panel: from the first of them on.
__device__ inline void add_half_rows(SumTile& tile, const TileRows& rows, unsigned steps,
                                     const unsigned* panel, unsigned lane) {
  const auto load = [&](const unsigned char* row, unsigned step) {
    return F16Values::fetch(row, half_step_dims * step + lane % 4 * 4);
  };
  stream_rows<uint2, 0>(rows, steps, load, [&](unsigned step, const auto& x) {
    const unsigned* planes = panel + step * panel_step_words;
#pragma unroll
    for (unsigned j = 0; j < SumTile::vector_tiles; ++j) {
      const uint2 upper = plane_part(planes, j, lane);
      const uint2 lower = plane_part(planes + panel_plane_words, j, lane);
#pragma unroll
      for (unsigned m = 0; m < SumTile::row_tiles; ++m) {
        const unsigned a[4] = {x[m][0].x, x[m][1].x, x[m][0].y, x[m][1].y};
        multiply_halves(tile.sums[m][j], a, upper);
        multiply_halves(tile.sums[m][j], a, lower);
      }
    }
  });
}

}  // namespace vecinal::cuda
