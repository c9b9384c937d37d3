/// Count-sketches of a panel of vectors: additions only. Included by kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/vec.hpp"

namespace {

using std::size_t;
using std::uint32_t;
using vecinal::kernels::SignedSums;

void signed_sums(const SignedSums& sums, float* to) noexcept {
  constexpr size_t lanes = vecinal::kernels::row_padding;
  constexpr size_t vectors = lanes / F32::width;
  size_t at = 0;
  for (size_t i = 0; i < sums.count; ++i) {
    F32 acc[vectors];
#pragma GCC unroll 16
    for (size_t v = 0; v < vectors; ++v) acc[v] = zero();
    for (; at < sums.ends[2 * i]; ++at)
#pragma GCC unroll 16
      for (size_t v = 0; v < vectors; ++v)
        acc[v] = add(acc[v], load(sums.panel + sums.dims[at] * lanes + v * F32::width));
    for (; at < sums.ends[2 * i + 1]; ++at)
#pragma GCC unroll 16
      for (size_t v = 0; v < vectors; ++v)
        acc[v] = sub(acc[v], load(sums.panel + sums.dims[at] * lanes + v * F32::width));
#pragma GCC unroll 16
    for (size_t v = 0; v < vectors; ++v) store(to + i * lanes + v * F32::width, acc[v]);
  }
}

}  // namespace
