/// Walsh-Hadamard transform. Included by kernels.cpp only.
#pragma once

#include "kernels/vec.hpp"

namespace {

using std::size_t;

/// log2(Radix) stages at once, so that values pass through registers instead of memory. Lanes: the
/// stages within a register go first. Stages come in the same order at every width: same bits.
template <size_t Radix, bool Lanes>
void hadamard_stages(float* values, size_t count, size_t half, float scale) {
  const F32 factor = broadcast(&scale);
  for (size_t begin = 0; begin < count; begin += Radix * half)
    for (size_t i = begin; i < begin + half; i += F32::width) {
      F32 v[Radix];
#pragma GCC unroll 8
      for (size_t r = 0; r < Radix; ++r) {
        v[r] = load(values + i + r * half);
        if constexpr (Lanes) v[r] = hadamard_lanes(v[r]);
      }
#pragma GCC unroll 3
      for (size_t step = 1; step < Radix; step *= 2)
#pragma GCC unroll 8
        for (size_t r = 0; r < Radix; ++r)
          if ((r & step) == 0) {
            const F32 sum = add(v[r], v[r + step]);
            v[r + step] = sub(v[r], v[r + step]);
            v[r] = sum;
          }
#pragma GCC unroll 8
      for (size_t r = 0; r < Radix; ++r) store(values + i + r * half, mul(v[r], factor));
    }
}

template <bool Lanes>
void hadamard_pass(float* values, size_t count, size_t radix, size_t half, float scale) {
  if (radix == 8)
    hadamard_stages<8, Lanes>(values, count, half, scale);
  else if (radix == 4)
    hadamard_stages<4, Lanes>(values, count, half, scale);
  else if (radix == 2)
    hadamard_stages<2, Lanes>(values, count, half, scale);
  else
    hadamard_stages<1, Lanes>(values, count, half, scale);
}

/// Of fewer values than a register holds.
void hadamard_few(float* values, size_t count, float scale) {
  for (size_t half = 1; half < count; half *= 2)
    for (size_t begin = 0; begin < count; begin += 2 * half)
      for (size_t i = begin; i < begin + half; ++i) {
        const float a = values[i];
        const float b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
  for (size_t i = 0; i < count; ++i) values[i] *= scale;
}

void hadamard(float* values, size_t count) noexcept {
  float scale = 1;
  for (size_t n = count; n >= 4; n /= 4) scale *= 0.5F;
  // A power of two that is no power of four leaves one factor of 2^-1/2.
  if ((count & 0xAAAAAAAAAAAAAAAAULL) != 0) scale *= 0.70710678F;
  if (count < F32::width) return hadamard_few(values, count, scale);
  size_t half = F32::width;
  for (bool first = true; first || half < count; first = false) {
    const size_t left = count / half;
    const size_t radix = left < 8 ? left : 8;
    const float factor = half * radix == count ? scale : 1.0F;
    if (first)
      hadamard_pass<true>(values, count, radix, half, factor);
    else
      hadamard_pass<false>(values, count, radix, half, factor);
    half *= radix;
  }
}

}  // namespace
