/// Products of half-precision values on tensor cores: a warpgroup of 128 threads multiplies 64 rows
/// by 128 vectors in shared memory, sums in float32; by wgmma where the chip has it, else by the
/// instructions of single warps, which leave every sum in the same register.
///
/// Rows and vectors lie in lines of 128 bytes, 64 dims, of which the 16-byte piece p stands at
/// place p ^ (line % 8) ("128-byte swizzle": neither kind of read has conflicts of banks). The
/// first line is at a multiple of 1,024 bytes.
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

inline constexpr unsigned line_bytes = 128;
inline constexpr unsigned line_dims = 64;
inline constexpr unsigned half_rows = 64;
inline constexpr unsigned half_vectors = 128;

/// Sum 4 j + i of a lane is that of row(lane, i) and vector(lane, j, i).
using HalfSums = float[64];
__device__ inline unsigned half_row(unsigned thread, unsigned i) {
  return thread % 128 / 32 * 16 + i / 2 * 8 + thread % 32 / 4;
}
__device__ inline unsigned half_vector(unsigned thread, unsigned j, unsigned i) {
  return j * 8 + thread % 4 * 2 + i % 2;
}

__host__ __device__ inline unsigned swizzled(unsigned line, unsigned piece) {
  return line * line_bytes + (piece ^ line % 8) * 16;
}

/// Two floats rounded to halves, the first in the lower one.
__device__ inline unsigned pack_halves(float first, float second) {
#ifdef __CUDACC__
  unsigned both = 0;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
  return both;
#else
  return emulation::half_bits(first) | emulation::half_bits(second) << 16U;
#endif
}

/// The power of two that brings values of at most `most` below 1, or nearly so.
__device__ inline float scale_below_one(float most) {
  constexpr unsigned bias = 127;
  const unsigned exponent = __float_as_uint(most) >> 23U;  // 2^(exponent - 127) <= most
  const unsigned limited = exponent > 252 ? 252 : exponent;
  return most == 0 ? 1.0F : __uint_as_float((2 * bias - 1 - limited) << 23U);
}

/// 16 rows with 8 vectors, 16 dims: multiply_bf16() (bf16_tile.hpp) of halves.
__device__ inline void multiply_halves(float* sums, const unsigned (&a)[4], const uint2& b) {
#ifdef __CUDACC__
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b.x), "r"(b.y));
#else
  emulation::multiply_halves(sums, a, b);
#endif
}

#ifdef __CUDA_ARCH_FEAT_SM90_ALL

/// How wgmma is told where lines begin.
__device__ inline std::uint64_t lines_at(const unsigned char* shared) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  constexpr std::uint64_t group_stride = std::uint64_t{8 * line_bytes / 16} << 32U;
  constexpr std::uint64_t swizzle_128_bytes = std::uint64_t{1} << 62U;
  return (address & 0x3FFFFU) >> 4U | std::uint64_t{1} << 16U | group_stride | swizzle_128_bytes;
}

__device__ inline void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void end_products() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int pending>
__device__ void wait_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

/// 16 dims.
__device__ inline void multiply_step(HalfSums& sums, std::uint64_t rows, std::uint64_t vectors,
                                     int add) {
#define VECINAL_SUMS(i)                                                         \
  "+f"(sums[i]), "+f"(sums[(i) + 1]), "+f"(sums[(i) + 2]), "+f"(sums[(i) + 3]), \
      "+f"(sums[(i) + 4]), "+f"(sums[(i) + 5]), "+f"(sums[(i) + 6]), "+f"(sums[(i) + 7])
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %66, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "
      "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "
      "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "
      "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, %64, %65, p, 1, 1, 0, 0;}"
      : VECINAL_SUMS(0), VECINAL_SUMS(8), VECINAL_SUMS(16), VECINAL_SUMS(24), VECINAL_SUMS(32),
        VECINAL_SUMS(40), VECINAL_SUMS(48), VECINAL_SUMS(56)
      : "l"(rows), "l"(vectors), "r"(add));
#undef VECINAL_SUMS
}

/// Adds the products of the dims of a line to the sums, or replaces them. Between
/// begin_products() and end_products(); the sums are there after wait_products().
__device__ inline void multiply_lines(HalfSums& sums, const unsigned char* rows,
                                      const unsigned char* vectors, bool add) {
  const std::uint64_t row_lines = lines_at(rows);
  const std::uint64_t vector_lines = lines_at(vectors);
#pragma unroll
  for (unsigned step = 0; step < line_dims / 16; ++step)
    multiply_step(sums, row_lines + 2 * step, vector_lines + 2 * step, add || step != 0 ? 1 : 0);
}

#else

__device__ inline void begin_products() {}
__device__ inline void end_products() {}
template <int pending>
__device__ void wait_products() {}

__device__ inline void multiply_lines(HalfSums& sums, const unsigned char* rows,
                                      const unsigned char* vectors, bool add) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned first = threadIdx.x % 128 / warp_size * 16 + lane / 4;
  // Four dims of a line: of which dims the halves of a product are does not matter, as long as
  // rows and vectors agree.
  const auto part = [&](const unsigned char* lines, unsigned line, unsigned step) {
    const unsigned at = swizzled(line, 2 * step + lane % 4 / 2) + lane % 2 * 8;
    return *reinterpret_cast<const uint2*>(lines + at);
  };
  if (!add)
#pragma unroll
    for (float& sum : sums) sum = 0;
#pragma unroll 1
  for (unsigned step = 0; step < line_dims / 16; ++step) {
    const uint2 upper = part(rows, first, step);
    const uint2 lower = part(rows, first + 8, step);
    const unsigned a[4] = {upper.x, lower.x, upper.y, lower.y};
#pragma unroll
    for (unsigned j = 0; j < half_vectors / 8; ++j)
      multiply_halves(sums + 4 * j, a, part(vectors, 8 * j + lane / 4, step));
  }
}

#endif

}  // namespace vecinal::cuda
