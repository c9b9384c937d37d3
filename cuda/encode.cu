// LVQ encoding (encoding/lvq.cpp): one warp a row, in the CPU's roundings, so that grids and codes
// have its bits. A row's values are read again for every range that a fitted grid is tried with;
// they stay in the first cache. Two tries run side by side, one in each half of the warp, and every
// half adds up errors in the 16 chains of the CPU's grid_error(). Of two levels, a first kernel
// writes what the first level leaves over. Sums for biases and errors are taken in double.
#include "encode.hpp"

#include "kernels/rows.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned warps_a_block = 4;
constexpr float least_step = 0x1p-126F;
constexpr float most_steps = 16000.0F;

/// A row's grid: value = step * (2 * code + offset).
struct RowGrid {
  float step;
  int offset;
};

__device__ float smaller(float a, float b) { return a < b ? a : b; }
__device__ float larger(float a, float b) { return a > b ? a : b; }

/// The next bfloat16 that is not smaller.
__device__ unsigned to_bfloat16(float value) {
  return (__float_as_uint(value) + 0xFFFFU) >> 16U & 0xFFFFU;
}

__device__ RowGrid grid_of(float low, float high, float max_code) {
  const float half_spread = __fsub_rn(__fmul_rn(0.5F, high), __fmul_rn(0.5F, low));
  const float magnitude = larger(fabsf(low), fabsf(high));
  const float step = larger(
      larger(__fdiv_rn(half_spread, max_code), __fdiv_rn(magnitude, most_steps)), least_step);
  const float rounded = __uint_as_float(to_bfloat16(step) << 16U);
  return {rounded, static_cast<std::int16_t>(lroundf(__fdiv_rn(low, rounded)))};
}

/// The ranges that a fitted grid is tried with, the row's own first.
constexpr unsigned tries = 13;
__device__ RowGrid try_grid(unsigned number, float low, float high, float max_code) {
  if (number == 0) return grid_of(low, high, max_code);
  const float middle = __fadd_rn(__fmul_rn(0.5F, low), __fmul_rn(0.5F, high));
  const float half = __fsub_rn(__fmul_rn(0.5F, high), __fmul_rn(0.5F, low));
  const float share = __fsub_rn(1.0F, __fmul_rn(0.04F, static_cast<float>(number)));
  const float reach = __fmul_rn(share, half);
  return grid_of(__fsub_rn(middle, reach), __fadd_rn(middle, reach), max_code);
}

/// grid_error() of kernels/code_conversions.hpp, by half a warp; the same in all of its lanes.
__device__ float grid_error(const float* values, unsigned count, const RowGrid& grid,
                            float max_code, unsigned lane) {
  constexpr float magic = 0x1.8p23F;  // adding it and taking it away rounds to an integer
  const auto offset = static_cast<float>(grid.offset);
  const float factor = __fdiv_rn(0.5F, grid.step);
  const float shift = __fmul_rn(-0.5F, offset);
  const float back = __fmul_rn(-2.0F, grid.step);
  const float start = __fmul_rn(-grid.step, offset);
  float total = 0;
  for (unsigned i = lane % 16; i < count; i += 16) {
    const float place = smaller(larger(__fmaf_rn(values[i], factor, shift), 0.0F), max_code);
    const float code = __fsub_rn(__fadd_rn(place, magic), magic);
    const float error = __fmaf_rn(code, back, __fadd_rn(values[i], start));
    total = __fmaf_rn(error, error, total);
  }
  for (int step = 8; step != 0; step /= 2)
    total = __fadd_rn(total, __shfl_xor_sync(all_lanes, total, step));
  return total;
}

/// The first of the tries with the least error.
__device__ RowGrid fit(const float* values, unsigned count, float low, float high, float max_code,
                       unsigned lane) {
  unsigned best = 0;
  float least = 0;
  for (unsigned first = 0; first < tries; first += 2) {
    const unsigned own = first + lane / 16;
    const RowGrid grid = try_grid(own < tries ? own : tries - 1, low, high, max_code);
    const float error = grid_error(values, count, grid, max_code, lane);
    for (unsigned half = 0; half < 2; ++half) {
      const float other = __shfl_sync(all_lanes, error, static_cast<int>(16 * half));
      const bool better = first + half == 0 || other < least;
      if (!better || first + half >= tries) continue;
      least = other;
      best = first + half;
    }
  }
  return try_grid(best, low, high, max_code);
}

/// Encoder of kernels/code_conversions.hpp.
struct Coder {
  float factor;
  float shift;
  float last;
  [[nodiscard]] __device__ unsigned operator()(float value) const {
    const float code = __fadd_rn(__fsub_rn(__fmul_rn(value, factor), shift), 0.5F);
    return static_cast<unsigned>(smaller(larger(code, 0.0F), last));
  }
};

__device__ Coder coder_of(const RowGrid& grid, float max_code) {
  return {__fdiv_rn(0.5F, grid.step), __fmul_rn(0.5F, static_cast<float>(grid.offset)), max_code};
}

__device__ float decoded(unsigned code, const RowGrid& grid) {
  return __fmul_rn(grid.step, static_cast<float>(2 * static_cast<int>(code) + grid.offset));
}

/// Value d of a stored row of codes.
__device__ float stored_value(const unsigned char* row, unsigned bits, unsigned d) {
  const unsigned header = *reinterpret_cast<const unsigned*>(row);
  const RowGrid grid{__uint_as_float(header << 16U), static_cast<std::int16_t>(header >> 16U)};
  const unsigned char* codes = row + sizeof(kernels::CodeHeader);
  if (bits == 8) return decoded(codes[d], grid);
  const unsigned pair = codes[d / 32 * 16 + d % 16];
  return decoded(d % 32 < 16 ? pair & 15U : pair >> 4U, grid);
}

/// Four bytes of codes, the ones at word `at` of a row.
template <unsigned bits>
__device__ unsigned code_word(const Coder& coder, const float* values, unsigned at) {
  unsigned word = 0;
  for (unsigned i = 0; i < 4; ++i) {
    if constexpr (bits == 8) {
      word |= coder(values[4 * at + i]) << 8 * i;
    } else {
      const unsigned d = at / 4 * 32 + at % 4 * 4 + i;
      word |= (coder(values[d]) | coder(values[d + 16]) << 4U) << 8 * i;
    }
  }
  return word;
}

__global__ void rest_kernel(EncodeRequest request) {
  const std::size_t at = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (at >= std::size_t{request.rows} * request.padded_dim) return;
  const unsigned char* base = request.base + at / request.padded_dim * request.base_pitch;
  const auto d = static_cast<unsigned>(at % request.padded_dim);
  request.rest[at] = __fsub_rn(request.values[at], stored_value(base, request.base_bits, d));
}

/// Sums over a row and what it became; the same in all lanes.
struct Sums {
  double error = 0;
  double norm = 0;
  double product = 0;
  unsigned clipped = 0;

  __device__ void add(float value, float made, float step) {
    const float difference = __fsub_rn(value, made);
    error += static_cast<double>(difference) * static_cast<double>(difference);
    norm += static_cast<double>(value) * static_cast<double>(value);
    product += static_cast<double>(value) * static_cast<double>(made);
    clipped += fabsf(difference) > __fmul_rn(1.05F, step) ? 1U : 0U;
  }
  __device__ void join() {
    for (int step = 16; step != 0; step /= 2) {
      error += __shfl_xor_sync(all_lanes, error, step);
      norm += __shfl_xor_sync(all_lanes, norm, step);
      product += __shfl_xor_sync(all_lanes, product, step);
      clipped += __shfl_xor_sync(all_lanes, clipped, step);
    }
  }
};

template <unsigned bits>
__global__ void encode_kernel(EncodeRequest request) {
  constexpr float max_code = bits == 8 ? 255.0F : 15.0F;
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned row = blockIdx.x * warps_a_block + threadIdx.x / warp_size;
  if (row >= request.rows) return;
  const std::size_t first = std::size_t{row} * request.padded_dim;
  const float* values = request.values + first;
  const float* input = request.rest == nullptr ? values : request.rest + first;
  float low = input[lane];
  float high = low;
  for (unsigned d = lane; d < request.padded_dim; d += warp_size) {
    low = smaller(input[d], low);
    high = larger(input[d], high);
  }
  for (int step = 16; step != 0; step /= 2) {
    low = smaller(__shfl_xor_sync(all_lanes, low, step), low);
    high = larger(__shfl_xor_sync(all_lanes, high, step), high);
  }
  const RowGrid grid = request.fitted ? fit(input, request.padded_dim, low, high, max_code, lane)
                                      : grid_of(low, high, max_code);
  const Coder coder = coder_of(grid, max_code);
  unsigned char* to = request.codes + row * request.pitch;
  auto* words = reinterpret_cast<unsigned*>(to + sizeof(kernels::CodeHeader));
  for (unsigned i = lane; i < request.padded_dim * bits / 32; i += warp_size)
    words[i] = code_word<bits>(coder, input, i);

  Sums sums;
  const unsigned char* base = request.base + row * request.base_pitch;
  for (unsigned d = lane; d < request.padded_dim; d += warp_size) {
    float made = decoded(coder(input[d]), grid);
    if (request.rest != nullptr) made = __fadd_rn(made, stored_value(base, request.base_bits, d));
    sums.add(values[d], made, grid.step);
  }
  sums.join();
  if (lane != 0) return;
  const kernels::CodeHeader header{
      static_cast<std::uint16_t>(to_bfloat16(grid.step)), static_cast<std::int16_t>(grid.offset),
      static_cast<float>(static_cast<double>(request.biases[row]) +
                         static_cast<double>(request.correction) * (sums.product - sums.norm))};
  *reinterpret_cast<kernels::CodeHeader*>(to) = header;
  request.losses[row] = {sums.error, sums.norm, sums.clipped};
}

}  // namespace

void encode(const EncodeRequest& request, Stream stream) {
  if (request.rest != nullptr) {
    constexpr unsigned threads = 256;
    const std::size_t values = std::size_t{request.rows} * request.padded_dim;
    launch("rest", rest_kernel,
           Grid{{static_cast<unsigned>((values + threads - 1) / threads), 1, 1}, threads, 0},
           stream, request);
  }
  launch(
      "encode", request.bits == 8 ? encode_kernel<8> : encode_kernel<4>,
      Grid{
          {(request.rows + warps_a_block - 1) / warps_a_block, 1, 1}, warps_a_block * warp_size, 0},
      stream, request);
}

}  // namespace vecinal::cuda
