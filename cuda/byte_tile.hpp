/// Products of bytes on tensor cores: 16 rows of codes with 8 vectors, 32 dims at a time, in exact
/// integers that wrap around.
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

/// Adds to sums the products of rows and vectors, whose bytes are unsigned or (Signed) signed.
///
/// With g = lane / 4 and t = lane % 4, a lane gives bytes of rows g (a[0], a[2]) and g + 8 (a[1],
/// a[3]) and of vector g (b[0], b[1]); which dims they are does not matter, as long as rows and
/// vectors agree. It gets the sums of row g with vectors 2 t and 2 t + 1, and of row g + 8.
template <bool Signed>
__device__ void multiply_bytes(int (&sums)[4], const unsigned (&a)[4], const uint2& b) {
#ifdef __CUDACC__
  if constexpr (Signed)
    asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b.x), "r"(b.y));
  else
    asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.u8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b.x), "r"(b.y));
#else
  emulation::multiply_bytes(sums, a, b, Signed);
#endif
}

}  // namespace vecinal::cuda
