/// Inner products of 32 rows of codes with a panel of 32 queries, by one warp, on tensor cores and
/// exact: a step of a query is 16 bits, 256 times a signed byte and an unsigned one, and the
/// products of both bytes with the codes are taken apart (byte_tile.hpp).
///
/// A panel has, for every 32 dims, 32 x 32 signed upper bytes, then as many unsigned lower ones.
#pragma once

#include "byte_tile.hpp"
#include "panel_tile.hpp"
#include "score.hpp"

namespace vecinal::cuda {

/// Word `at` of a panel; steps(vector): the steps of a query, or null for none.
template <class Steps>
__device__ unsigned panel_word(Steps steps, unsigned at) {
  const unsigned vector = at / 8 % panel_vectors;
  const unsigned shift = at / panel_plane_words % 2 == 0 ? 8 : 0;
  const std::uint16_t* from = steps(vector);
  if (from == nullptr) return 0;
  from += at / panel_step_words * 32 + at % 8 * 4;
  unsigned word = 0;
  for (unsigned i = 0; i < 4; ++i)
    word |= (static_cast<unsigned>(from[i]) >> shift & 0xFFU) << 8 * i;
  return word;
}

/// Eight codes of a row, dims d + 8 part .. d + 8 part + 7 where d is a multiple of 32.
__device__ inline uint2 eight_codes(const unsigned char* row, unsigned d, unsigned part, Bytes) {
  return *reinterpret_cast<const uint2*>(row + code_begin + d + part * 8);
}
__device__ inline uint2 eight_codes(const unsigned char* row, unsigned d, unsigned part, Nibbles) {
  const auto both = *reinterpret_cast<const uint2*>(row + code_begin + d / 2 + part % 2 * 8);
  const unsigned shift = part / 2 * 4;
  return {both.x >> shift & 0x0F0F0F0FU, both.y >> shift & 0x0F0F0F0FU};
}

struct CodeTile : PanelTile {
  int upper[row_tiles][vector_tiles][4];
  int lower[row_tiles][vector_tiles][4];

  /// In unsigned integers: parts may leave the range that the whole stays in.
  [[nodiscard]] __device__ unsigned whole(unsigned m, unsigned half, unsigned j) const {
    const unsigned i = 2 * half + j % 2;
    return (static_cast<unsigned>(upper[m][j / 2][i]) << 8U) +
           static_cast<unsigned>(lower[m][j / 2][i]);
  }
};

/// Adds the products of the rows. steps: of 32 dims; panel: from the first of them on; ahead: of
/// stream_rows().
template <class Codes, unsigned ahead>
__device__ void add_code_rows(CodeTile& tile, const TileRows& rows, unsigned steps,
                              const unsigned* panel, unsigned lane) {
  const auto load = [&](const unsigned char* row, unsigned step) {
    return eight_codes(row, 32 * step, lane % 4, Codes{});
  };
  stream_rows<uint2, ahead>(rows, steps, load, [&](unsigned step, const auto& codes) {
    const unsigned* planes = panel + step * panel_step_words;
#pragma unroll
    for (unsigned j = 0; j < CodeTile::vector_tiles; ++j) {
      const uint2 high = plane_part(planes, j, lane);
      const uint2 low = plane_part(planes + panel_plane_words, j, lane);
#pragma unroll
      for (unsigned m = 0; m < CodeTile::row_tiles; ++m) {
        const unsigned a[4] = {codes[m][0].x, codes[m][1].x, codes[m][0].y, codes[m][1].y};
        multiply_bytes<true>(tile.upper[m][j], a, high);
        multiply_bytes<false>(tile.lower[m][j], a, low);
      }
    }
  });
}

}  // namespace vecinal::cuda
