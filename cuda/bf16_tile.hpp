/// Products of bfloat16 on tensor cores: 16 rows with 8 vectors, 16 dims at a time, sums in
/// float32.
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

/// Two floats rounded to bfloat16, the first in the lower half.
__device__ inline unsigned pack_bf16(float first, float second) {
#ifdef __CUDACC__
  unsigned both = 0;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
  return both;
#else
  return emulation::bf16_bits(first) | emulation::bf16_bits(second) << 16U;
#endif
}

/// Adds to sums the products of rows and vectors: multiply_bytes() (byte_tile.hpp) with two values
/// in place of four bytes.
__device__ inline void multiply_bf16(float (&sums)[4], const unsigned (&a)[4], const uint2& b) {
#ifdef __CUDACC__
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b.x), "r"(b.y));
#else
  emulation::multiply_bf16(sums, a, b);
#endif
}

}  // namespace vecinal::cuda
