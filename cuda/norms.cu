// Squared lengths of rows of floats: one warp a row.
#include "norms.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned warps_a_block = 8;

template <class Values>
__global__ void norms_kernel(NormRows rows, float* norms) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned i = blockIdx.x * warps_a_block + threadIdx.x / warp_size;
  if (i >= rows.count) return;
  const unsigned char* row = rows.data + i * rows.pitch;
  float sum = 0;
  for (unsigned d = 4 * lane; d < rows.padded_dim; d += 4 * warp_size) {
    const uint4 x = Values::load(row, d);
    for (const unsigned bits : {x.x, x.y, x.z, x.w})
      sum = __fmaf_rn(__uint_as_float(bits), __uint_as_float(bits), sum);
  }
  sum = team_sum(sum, warp_size);
  if (lane == 0) norms[i] = sum;
}

}  // namespace

void take_norms(kernels::RowType type, const NormRows& rows, float* norms, Stream stream) {
  if (rows.count == 0) return;
  const Grid grid{
      {(rows.count + warps_a_block - 1) / warps_a_block, 1, 1}, warps_a_block * warp_size, 0};
  launch("norms", type == kernels::RowType::f32 ? norms_kernel<F32Values> : norms_kernel<F16Values>,
         grid, stream, rows, norms);
}

}  // namespace vecinal::cuda
