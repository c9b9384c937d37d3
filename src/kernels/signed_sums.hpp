/// Count-sketches of a panel of vectors: additions only. Included by kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/vec.hpp"

namespace {

using std::size_t;
using std::uint32_t;
using vecinal::kernels::SignedSums;

/// All sums of the first `Vectors` registers of vectors.
template <size_t Vectors>
void sum_lanes(const SignedSums& sums, float* to) {
  constexpr size_t lanes = vecinal::kernels::set_lanes;
  size_t at = 0;
  for (size_t i = 0; i < sums.count; ++i) {
    F32 acc[Vectors];
#pragma GCC unroll 32
    for (size_t v = 0; v < Vectors; ++v) acc[v] = zero();
    for (const size_t end = sums.ends[2 * i]; at < end; ++at)
#pragma GCC unroll 32
      for (size_t v = 0; v < Vectors; ++v)
        acc[v] = add(acc[v], load(sums.panel + sums.dims[at] * lanes + v * F32::width));
    for (const size_t end = sums.ends[2 * i + 1]; at < end; ++at)
#pragma GCC unroll 32
      for (size_t v = 0; v < Vectors; ++v)
        acc[v] = sub(acc[v], load(sums.panel + sums.dims[at] * lanes + v * F32::width));
#pragma GCC unroll 32
    for (size_t v = 0; v < Vectors; ++v) store(to + i * lanes + v * F32::width, acc[v]);
  }
}

/// In one strip, as wide as it takes: the loops over a sum's few dimensions cost as much for one
/// register as for several.
void signed_sums(const SignedSums& sums, float* to) noexcept {
  constexpr size_t all = vecinal::kernels::set_lanes / F32::width;
  constexpr size_t few = all > 2 ? all / 4 : 1;
  if (sums.lanes > all / 2 * F32::width)
    sum_lanes<all>(sums, to);
  else if (sums.lanes > few * F32::width)
    sum_lanes<all / 2>(sums, to);
  else
    sum_lanes<few>(sums, to);
}

}  // namespace
