/// What tiles of tensor cores have in common: 32 rows that lie anywhere, by a panel of 32 vectors
/// in shared memory, one warp.
///
/// A panel has for every step of dims two planes, each 32 vectors of 32 bytes: two parts of their
/// values, whose products with the rows are taken apart.
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

inline constexpr unsigned panel_vectors = 32;
inline constexpr unsigned panel_plane_words = 256;  ///< 32 vectors of 32 bytes
inline constexpr unsigned panel_step_words = 2 * panel_plane_words;
inline constexpr unsigned panel_step_bytes = 32;  ///< of a row of bytes or halves

/// Which rows and vectors a lane has the sums of: of rows row(m, half) and vectors vector(lane, j),
/// j < 8; they are sums[m][j / 2][2 * half + j % 2].
struct PanelTile {
  static constexpr unsigned row_tiles = 2;     ///< of 16 rows
  static constexpr unsigned vector_tiles = 4;  ///< of 8 vectors

  __device__ static unsigned row(unsigned lane, unsigned m, unsigned half) {
    return 16 * m + 8 * half + lane / 4;
  }
  __device__ static unsigned vector(unsigned lane, unsigned j) {
    return j / 2 * 8 + lane % 4 * 2 + j % 2;
  }
};

/// Sums of floats.
struct SumTile : PanelTile {
  float sums[row_tiles][vector_tiles][4];

  [[nodiscard]] __device__ float sum(unsigned m, unsigned half, unsigned j) const {
    return sums[m][j / 2][2 * half + j % 2];
  }
};

using TileRows = const unsigned char * [PanelTile::row_tiles][2];

/// What a lane has of a plane for 8 vectors: the dims of its quarter, as load() of rows has them.
__device__ inline uint2 plane_part(const unsigned* plane, unsigned vector_tile, unsigned lane) {
  return *reinterpret_cast<const uint2*>(plane + vector_tile * 64 + lane / 4 * 8 + lane % 4 * 2);
}

/// Calls use(step, part) for `steps` steps of dims; part[m][half]: what load(row, step) has read of
/// each row that the lane gives. Reads are `ahead` steps ahead of their use: few warps hide little
/// latency.
template <class Part, unsigned ahead, class Load, class Use>
__device__ void stream_rows(const TileRows& rows, unsigned steps, Load load, Use use) {
  using Parts = Part[PanelTile::row_tiles][2];
  const auto fetch = [&](Parts& to, unsigned step) {
#pragma unroll
    for (unsigned m = 0; m < PanelTile::row_tiles; ++m)
#pragma unroll
      for (unsigned half = 0; half < 2; ++half) to[m][half] = load(rows[m][half], step);
  };
  if constexpr (ahead == 0) {
#pragma unroll 1
    for (unsigned step = 0; step < steps; ++step) {
      Parts now;
      fetch(now, step);
      use(step, now);
    }
  } else {
    Parts coming[ahead];
#pragma unroll
    for (unsigned a = 0; a < ahead; ++a)
      if (a < steps) fetch(coming[a], a);
    for (unsigned first = 0; first < steps; first += ahead) {
#pragma unroll
      for (unsigned a = 0; a < ahead; ++a) {
        const unsigned step = first + a;
        if (step >= steps) break;
        Parts now;
#pragma unroll
        for (unsigned m = 0; m < PanelTile::row_tiles; ++m)
#pragma unroll
          for (unsigned half = 0; half < 2; ++half) now[m][half] = coming[a][m][half];
        if (step + ahead < steps) fetch(coming[a], step + ahead);
        use(step, now);
      }
    }
  }
}

}  // namespace vecinal::cuda
