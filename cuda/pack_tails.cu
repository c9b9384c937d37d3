// Brings tails of rows from the host's order, which is for table lookups of 16 bytes, to that of
// sign_tails.hpp: a warp for each block of 32 neighbours.
#include "pack_tails.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned warps_a_block = 4;

/// Where the host has a neighbour's half byte among the 16 bytes of a group: kernels::SignBlock.
__device__ unsigned byte_of(unsigned lane) {
  const unsigned j = lane % 16;
  return j < 8 ? 2 * j : 2 * (j - 8) + 1;
}

__global__ void pack_tails_kernel(StagedTails from, TailShape shape, float weight,
                                  unsigned char* tails) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned number = blockIdx.x * warps_a_block + threadIdx.x / warp_size;
  const unsigned row = number / shape.blocks;
  const unsigned block = number % shape.blocks;
  if (row >= from.count) return;
  const unsigned char* tail = from.data + row * from.pitch;
  unsigned char* to = tails + (from.places == nullptr ? row : from.places[row]) * shape.pitch();

  const unsigned groups = static_cast<unsigned>(from.format.dims) / 4;
  const unsigned char* signs =
      tail + from.format.signs + std::size_t{16} * groups * block + byte_of(lane);
  const unsigned shift = lane < 16 ? 0 : 4;
  auto* words = reinterpret_cast<unsigned*>(to) + block * shape.block_words() + lane;
  for (unsigned w = 0; w < shape.words; ++w) {
    unsigned word = 0;
    for (unsigned j = 0; j < groups_a_word && w * groups_a_word + j < groups; ++j)
      word |= (signs[16 * (w * groups_a_word + j)] >> shift & 15U) << (4 * j);
    words[w * warp_size] = word;
  }

  const unsigned at = block * warp_size + lane;
  reinterpret_cast<std::uint16_t*>(to + shape.offsets())[at] =
      reinterpret_cast<const std::uint16_t*>(tail)[at];
  to[shape.factors() + at] = tail[from.format.factors + at];
  if (block == 0 && lane < 2) {
    const float unit = reinterpret_cast<const float*>(tail + from.format.units)[lane];
    reinterpret_cast<float*>(to + shape.units())[lane] = lane == 0 ? unit : __fdiv_rn(unit, weight);
  }
}

}  // namespace

void pack_tails(const StagedTails& from, const TailShape& shape, float weight, unsigned char* to,
                Stream stream) {
  const unsigned blocks = (from.count * shape.blocks + warps_a_block - 1) / warps_a_block;
  launch("pack_tails", pack_tails_kernel, {{blocks, 1, 1}, warps_a_block * warp_size, 0}, stream,
         from, shape, weight, to);
}

}  // namespace vecinal::cuda
