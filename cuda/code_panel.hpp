/// Inner products of 32 rows of codes with a panel of 32 queries, by one warp, on tensor cores and
/// exact: a step of a query is 16 bits, 256 times a signed byte and an unsigned one, and the
/// products of both bytes with the codes are taken apart (byte_tile.hpp).
///
/// A panel has, for every 32 dims, 32 x 32 signed upper bytes, then as many unsigned lower ones.
#pragma once

#include "byte_tile.hpp"
#include "score.hpp"

namespace vecinal::cuda {

inline constexpr unsigned panel_vectors = 32;
inline constexpr unsigned panel_plane_words = 256;  ///< of 32 dims: 32 vectors of 32 bytes

/// Word `at` of a panel; steps(vector): the steps of a query, or null for none.
template <class Steps>
__device__ unsigned panel_word(Steps steps, unsigned at) {
  const unsigned vector = at / 8 % panel_vectors;
  const unsigned shift = at / panel_plane_words % 2 == 0 ? 8 : 0;
  const std::uint16_t* from = steps(vector);
  if (from == nullptr) return 0;
  from += at / (2 * panel_plane_words) * 32 + at % 8 * 4;
  unsigned word = 0;
  for (unsigned i = 0; i < 4; ++i)
    word |= (static_cast<unsigned>(from[i]) >> shift & 0xFFU) << 8 * i;
  return word;
}

/// Eight codes of a row, dims d + 8 part .. d + 8 part + 7 where d is a multiple of 32.
__device__ inline uint2 eight_codes(const unsigned char* row, unsigned d, unsigned part, Bytes) {
  return *reinterpret_cast<const uint2*>(row + 16 + d + part * 8);
}
__device__ inline uint2 eight_codes(const unsigned char* row, unsigned d, unsigned part, Nibbles) {
  const auto both = *reinterpret_cast<const uint2*>(row + 16 + d / 2 + part % 2 * 8);
  const unsigned shift = part / 2 * 4;
  return {both.x >> shift & 0x0F0F0F0FU, both.y >> shift & 0x0F0F0F0FU};
}

/// The sums of a lane: of rows row(m, half) and vectors vector(lane, j), j < 8.
struct CodeTile {
  static constexpr unsigned row_tiles = 2;     ///< of 16 rows
  static constexpr unsigned vector_tiles = 4;  ///< of 8 vectors
  int upper[row_tiles][vector_tiles][4];
  int lower[row_tiles][vector_tiles][4];

  __device__ static unsigned row(unsigned lane, unsigned m, unsigned half) {
    return 16 * m + 8 * half + lane / 4;
  }
  __device__ static unsigned vector(unsigned lane, unsigned j) {
    return j / 2 * 8 + lane % 4 * 2 + j % 2;
  }

  /// In unsigned integers: parts may leave the range that the whole stays in.
  [[nodiscard]] __device__ unsigned whole(unsigned m, unsigned half, unsigned j) const {
    const unsigned i = 2 * half + j % 2;
    return (static_cast<unsigned>(upper[m][j / 2][i]) << 8U) +
           static_cast<unsigned>(lower[m][j / 2][i]);
  }
};

using TileRows = const unsigned char * [CodeTile::row_tiles][2];

template <class Codes>
__device__ CodeTile multiply_codes(const TileRows& rows, unsigned padded_dim, const unsigned* panel,
                                   unsigned lane) {
  CodeTile tile = {};
  for (unsigned d = 0; d < padded_dim; d += 32) {
    unsigned a[CodeTile::row_tiles][4];
#pragma unroll
    for (unsigned m = 0; m < CodeTile::row_tiles; ++m)
#pragma unroll
      for (unsigned half = 0; half < 2; ++half) {
        const uint2 codes = eight_codes(rows[m][half], d, lane % 4, Codes{});
        a[m][half] = codes.x;
        a[m][half + 2] = codes.y;
      }
    const unsigned* planes = panel + d / 32 * 2 * panel_plane_words + lane / 4 * 8 + lane % 4 * 2;
#pragma unroll
    for (unsigned j = 0; j < CodeTile::vector_tiles; ++j) {
      const auto high = *reinterpret_cast<const uint2*>(planes + j * 64);
      const auto low = *reinterpret_cast<const uint2*>(planes + panel_plane_words + j * 64);
#pragma unroll
      for (unsigned m = 0; m < CodeTile::row_tiles; ++m) {
        multiply_bytes<true>(tile.upper[m][j], a[m], high);
        multiply_bytes<false>(tile.lower[m][j], a[m], low);
      }
    }
  }
  return tile;
}

}  // namespace vecinal::cuda
