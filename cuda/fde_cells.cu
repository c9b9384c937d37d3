// The cells of vectors (MUVERA, section 2): products of the
// centred vectors with all planes by register tiles, of which only the signs are written, 32 to a
// word. A float32 product nearer to zero than its rounding could be is taken again in double, in
// the order of the CPU's, so that every vector falls into the cell that the CPU finds.
#include <cmath>

#include "fde.hpp"
#include "panel_products.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned threads_a_block = 256;

/// One warp a vector.
__global__ void centre_kernel(FdeView fde, SetsView sets) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned vector = blockIdx.x * (threads_a_block / warp_size) + threadIdx.x / warp_size;
  if (vector >= sets.vectors) return;
  const float* from = sets.values + std::size_t{vector} * fde.padded_dim;
  float* to = sets.centred + std::size_t{vector} * fde.padded_dim;
  double given = 0;
  double squares = 0;
  for (unsigned d = lane; d < fde.padded_dim; d += warp_size) {
    const float value = d < fde.dim ? __fsub_rn(from[d], fde.mean[d]) : 0;
    to[d] = value;
    given += static_cast<double>(from[d]) * from[d];
    squares += static_cast<double>(value) * value;
  }
  for (int step = 16; step != 0; step /= 2) {
    given += __shfl_xor_sync(all_lanes, given, step);
    squares += __shfl_xor_sync(all_lanes, squares, step);
  }
  if (lane != 0) return;
  sets.lengths[vector] = static_cast<float>(sqrt(squares));
  if (!(given <= fde.max_squared_norm)) atomicMin(sets.faulty, vector);  // nor if it is no number
}

/// dot() of core/dot.hpp with vector `column` of a panel.
__device__ double exact_product(const float* vector, const float* panel, unsigned column,
                                unsigned dim) {
  double chains[4] = {0, 0, 0, 0};
  const auto product = [&](unsigned d) {
    return static_cast<double>(panel[std::size_t{d} * tile_vectors + column]) *
           static_cast<double>(vector[d]);
  };
  unsigned d = 0;
  for (; d + 4 <= dim; d += 4)
    for (unsigned c = 0; c < 4; ++c) chains[c] = __dadd_rn(chains[c], product(d + c));
  for (; d < dim; ++d) chains[0] = __dadd_rn(chains[0], product(d));
  return __dadd_rn(__dadd_rn(chains[0], chains[1]), __dadd_rn(chains[2], chains[3]));
}

struct WriteSigns {
  FdeView fde;
  SetsView sets;

  /// Cells::above().
  [[nodiscard]] __device__ bool above(float product, unsigned vector, unsigned plane) const {
    if (fabsf(product) > __fmul_rn(fde.rounding[plane], sets.lengths[vector])) return product > 0;
    const std::size_t panel = plane / tile_vectors;
    return exact_product(sets.centred + std::size_t{vector} * fde.padded_dim,
                         fde.planes + panel * tile_vectors * fde.padded_dim, plane % tile_vectors,
                         fde.dim) > 0;
  }

  __device__ void operator()(const FloatTile& tile, unsigned first, unsigned panel,
                             unsigned lane) const {
#pragma unroll
    for (unsigned i = 0; i < FloatTile::rows; ++i) {
      const unsigned vector = first + FloatTile::row(lane, i);
      unsigned signs = 0;
#pragma unroll
      for (unsigned j = 0; j < FloatTile::columns; ++j) {
        const unsigned column = FloatTile::column(lane, j);
        const unsigned plane = panel * tile_vectors + column;
        if (vector < sets.vectors && plane < fde.plane_count() &&
            above(tile.sums[i][j], vector, plane))
          signs |= 1U << column;
      }
      signs |= __shfl_xor_sync(all_lanes, signs, 1);
      signs |= __shfl_xor_sync(all_lanes, signs, 2);
      if (vector < sets.vectors && lane % 4 == 0)
        sets.signs[std::size_t{vector} * fde.sign_words() + panel] = signs;
    }
  }
};

}  // namespace

void find_cells(const FdeView& fde, const SetsView& sets, Stream stream) {
  constexpr unsigned vectors_a_block = threads_a_block / warp_size;
  launch("centre", centre_kernel,
         Grid{{(sets.vectors + vectors_a_block - 1) / vectors_a_block, 1, 1}, threads_a_block, 0},
         stream, fde, sets);
  if (fde.k_sim == 0) return;
  multiply_panels("cells", {sets.centred, sets.vectors, fde.padded_dim},
                  {fde.planes, fde.sign_words()}, WriteSigns{fde, sets}, stream);
}

}  // namespace vecinal::cuda
