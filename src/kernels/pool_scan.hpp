/// Scans of the unsorted scores of a candidate pool. Included by kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/vec.hpp"

namespace {

using std::size_t;
using std::uint32_t;

constexpr size_t pool_step = vecinal::kernels::row_padding;

size_t least_of(const float* scores, size_t count) noexcept {
  constexpr size_t parts = pool_step / F32::width;
  F32 best[parts];
#pragma GCC unroll 16
  for (size_t k = 0; k < parts; ++k) best[k] = load(scores + k * F32::width);
  for (size_t i = pool_step; i < count; i += pool_step)
#pragma GCC unroll 16
    for (size_t k = 0; k < parts; ++k) best[k] = least(best[k], load(scores + i + k * F32::width));
  for (size_t k = 1; k < parts; ++k) best[0] = least(best[0], best[k]);
  const float smallest = least_lane(best[0]);
  const F32 limit = broadcast(&smallest);
  for (size_t i = 0; i < count; i += F32::width) {
    const uint32_t found = less_equal(load(scores + i), limit);
    if (found != 0) return i + static_cast<size_t>(__builtin_ctz(found));
  }
  return 0;
}

size_t count_up_to(const float* scores, size_t count, float limit) noexcept {
  const F32 most = broadcast(&limit);
  size_t found = 0;
  for (size_t i = 0; i < count; i += F32::width)
    found += static_cast<size_t>(__builtin_popcount(less_equal(load(scores + i), most)));
  return found;
}

size_t keep_up_to(float* scores, uint32_t* nodes, size_t count, float limit) noexcept {
  const F32 most = broadcast(&limit);
  size_t kept = 0;
  for (size_t i = 0; i < count; i += F32::width) {
    const F32 x = load(scores + i);
    const size_t left = count - i;
    const uint32_t valid = left < F32::width ? (uint32_t{1} << left) - 1 : ~uint32_t{0};
    const uint32_t which = less_equal(x, most) & valid;
    store(scores + kept, pack(x, which));
    store_words(nodes + kept, pack(load_words(nodes + i), which));
    kept += static_cast<size_t>(__builtin_popcount(which));
  }
  return kept;
}

/// Without branches, as nobody can predict where a key will be: every key becomes the less of
/// itself and the greater of the new one and the key before it.
size_t insert_key(std::int64_t* keys, size_t count, std::int64_t key) noexcept {
  constexpr size_t few = 32 * I64::width;  // more are first halved
  size_t first = 0;
  for (size_t left = count; left > few; left -= left / 2)
    first += left / 2 & -static_cast<size_t>(keys[first + left / 2 - 1] < key);
  first -= first % I64::width;  // registers are loaded as they were stored the last time
  const I64 added = broadcast_i64(key);
  I64 before = broadcast_i64(INT64_MIN);
  I64 less = zero_i64();
  for (size_t i = first; i <= count; i += I64::width) {
    const I64 now = load_i64(keys + i);
    less = count_less(now, added, less);
    store(keys + i, least(now, greatest(moved_up(before, now), added)));
    before = now;
  }
  return first + sum(less);
}

}  // namespace
