/// Count-sketches of a panel of vectors: additions only. Included by kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/vec.hpp"

namespace {

using std::size_t;
using std::uint32_t;
using vecinal::kernels::SignedSums;

/// acc = fold(acc, value) for the values of some dimensions.
template <size_t Vectors, class Fold>
inline void fold_dims(const float* panel, const uint32_t* dims, const uint32_t* end,
                      F32 (&acc)[Vectors], Fold fold) {
  for (; dims != end; ++dims) {
    const float* values = panel + *dims * vecinal::kernels::set_lanes;
#pragma GCC unroll 32
    for (size_t v = 0; v < Vectors; ++v) acc[v] = fold(acc[v], load(values + v * F32::width));
  }
}

/// All sums of the first `Vectors` registers of vectors.
template <size_t Vectors>
void sum_lanes(const SignedSums& task, float* to) {
  const SignedSums sums = task;  // a copy that no store can change
  const uint32_t* dims = sums.dims;
  for (size_t i = 0; i < sums.count; ++i) {
    F32 acc[Vectors];
#pragma GCC unroll 32
    for (size_t v = 0; v < Vectors; ++v) acc[v] = zero();
    const uint32_t* added = sums.dims + sums.ends[2 * i];
    const uint32_t* taken_off = sums.dims + sums.ends[2 * i + 1];
    fold_dims(sums.panel, dims, added, acc, [](F32 a, F32 b) { return add(a, b); });
    fold_dims(sums.panel, added, taken_off, acc, [](F32 a, F32 b) { return sub(a, b); });
    dims = taken_off;
#pragma GCC unroll 32
    for (size_t v = 0; v < Vectors; ++v)
      store(to + i * vecinal::kernels::set_lanes + v * F32::width, acc[v]);
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
