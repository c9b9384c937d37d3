/// Inner products of 32 rows with a panel of 32 vectors, by one warp, in registers: what MaxSim,
/// the cells of encodings and their dense projections share.
///
/// A slab of 32 dims of the rows is brought to shared memory, 4,608 bytes a warp; a lane has 4 rows
/// and 8 vectors, so that 12 reads of 16 bytes feed 128 multiply-adds. Every product is one chain
/// of fused multiply-adds in the order of the dims, as the CPU's tiles have it (kernels/tile.hpp),
/// and so the same to the bit where the CPU fuses too.
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

inline constexpr unsigned tile_rows = 32;
inline constexpr unsigned tile_vectors = 32;  ///< of a panel: panel[d * tile_vectors + vector]

/// Of a slab: four words past the 32, so that eight rows lie in different banks.
inline constexpr unsigned slab_dims = 32;
inline constexpr unsigned slab_pitch = slab_dims + 4;
inline constexpr std::size_t slab_bytes = std::size_t{tile_rows} * slab_pitch * sizeof(float);

/// The products of a lane: sums[i][j] of row row(i) and vector column(j) of the tile.
struct FloatTile {
  static constexpr unsigned rows = 4;
  static constexpr unsigned columns = 8;
  float sums[rows][columns];

  __device__ static unsigned row(unsigned lane, unsigned i) { return lane / 4 + 8 * i; }
  __device__ static unsigned column(unsigned lane, unsigned j) { return lane % 4 * 8 + j; }
};

__device__ inline void add_products(float x, const uint4& low, const uint4& high, float* sums) {
  sums[0] = __fmaf_rn(x, __uint_as_float(low.x), sums[0]);
  sums[1] = __fmaf_rn(x, __uint_as_float(low.y), sums[1]);
  sums[2] = __fmaf_rn(x, __uint_as_float(low.z), sums[2]);
  sums[3] = __fmaf_rn(x, __uint_as_float(low.w), sums[3]);
  sums[4] = __fmaf_rn(x, __uint_as_float(high.x), sums[4]);
  sums[5] = __fmaf_rn(x, __uint_as_float(high.y), sums[5]);
  sums[6] = __fmaf_rn(x, __uint_as_float(high.z), sums[6]);
  sums[7] = __fmaf_rn(x, __uint_as_float(high.w), sums[7]);
}

/// load(row, d): values d .. d + 3 of a row of the tile, as bits. dims: a multiple of 4. panel: in
/// shared or global memory. slab: slab_bytes of the warp's own.
template <class Load>
__device__ FloatTile multiply_tile(Load load, unsigned dims, const float* panel, float* slab,
                                   unsigned lane) {
  FloatTile tile;
  for (auto& sums : tile.sums)
    for (float& sum : sums) sum = 0;
  for (unsigned first = 0; first < dims; first += slab_dims) {
    __syncwarp();
    const unsigned at = lane % 8 * 4;
    for (unsigned row = lane / 8; row < tile_rows; row += 4)
      *reinterpret_cast<uint4*>(slab + row * slab_pitch + at) =
          first + at < dims ? load(row, first + at) : uint4{0, 0, 0, 0};
    __syncwarp();
    const unsigned width = dims - first < slab_dims ? dims - first : slab_dims;
    for (unsigned d = 0; d < width; d += 4) {
      uint4 x[FloatTile::rows];
#pragma unroll
      for (unsigned i = 0; i < FloatTile::rows; ++i)
        x[i] = *reinterpret_cast<const uint4*>(slab + FloatTile::row(lane, i) * slab_pitch + d);
      const float* part = panel + std::size_t{first + d} * tile_vectors + lane % 4 * 8;
#pragma unroll
      for (unsigned k = 0; k < 4; ++k) {
        const auto* vectors = reinterpret_cast<const uint4*>(part + k * tile_vectors);
        const uint4 low = vectors[0];
        const uint4 high = vectors[1];
#pragma unroll
        for (unsigned i = 0; i < FloatTile::rows; ++i) {
          const unsigned bits = k == 0 ? x[i].x : k == 1 ? x[i].y : k == 2 ? x[i].z : x[i].w;
          add_products(__uint_as_float(bits), low, high, tile.sums[i]);
        }
      }
    }
  }
  return tile;
}

}  // namespace vecinal::cuda
