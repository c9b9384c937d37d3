/// Products of many rows of floats with the vectors of panels (float_tile.hpp): a block of eight
/// warps has one panel and 256 rows, 32 a warp. The panel stays in shared memory where it fits
/// beside the slabs of the warps (36 KiB), and is read from global memory otherwise.
#pragma once

#include "float_tile.hpp"

namespace vecinal::cuda {

struct FloatRows {
  const float* data = nullptr;
  unsigned count = 0;
  unsigned dims = 0;  ///< floats of a row, a multiple of 4
};

struct Panels {
  const float* data = nullptr;
  unsigned count = 0;
};

/// finish(tile, first row, panel, lane) for every tile of 32 x 32 products.
template <class Finish, bool staged>
__global__ void __launch_bounds__(256, 2)
    panel_kernel(FloatRows rows, Panels panels, Finish finish) {
  constexpr unsigned warps_a_block = 8;
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  unsigned char* memory = shared_memory();
  const unsigned number = blockIdx.x % panels.count;  // all panels of some rows, then the next
  const float* panel = panels.data + std::size_t{number} * tile_vectors * rows.dims;
  if constexpr (staged) {
    auto* copy = reinterpret_cast<float*>(memory + warps_a_block * slab_bytes);
    for (unsigned i = threadIdx.x; i < tile_vectors * rows.dims / 4; i += blockDim.x)
      reinterpret_cast<uint4*>(copy)[i] = reinterpret_cast<const uint4*>(panel)[i];
    panel = copy;
    __syncthreads();
  }
  const unsigned first = (blockIdx.x / panels.count * warps_a_block + warp) * tile_rows;
  if (first >= rows.count) return;
  const FloatTile tile = multiply_tile(
      [&](unsigned row, unsigned d) {
        const std::size_t at = first + row < rows.count ? first + row : rows.count - 1;
        return *reinterpret_cast<const uint4*>(rows.data + at * rows.dims + d);
      },
      rows.dims, panel, reinterpret_cast<float*>(memory + warp * slab_bytes), lane);
  finish(tile, first, number, lane);
}

template <class Finish>
void multiply_panels(const char* name, const FloatRows& rows, const Panels& panels,
                     const Finish& finish, Stream stream) {
  constexpr unsigned block_rows = 256;
  const std::size_t slabs = block_rows / tile_rows * slab_bytes;
  const std::size_t panel = std::size_t{tile_vectors} * rows.dims * sizeof(float);
  Grid grid{{(rows.count + block_rows - 1) / block_rows * panels.count, 1, 1}, 256, slabs + panel};
  auto* kernel = panel_kernel<Finish, true>;
  if (grid.shared > device_info().shared_bytes) {
    grid.shared = slabs;
    kernel = panel_kernel<Finish, false>;
  }
  launch(name, kernel, grid, stream, rows, panels, finish);
}

}  // namespace vecinal::cuda
