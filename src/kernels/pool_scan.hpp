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

/// Without branches: where a key will be is not predictable.
size_t insert_key(std::int64_t* keys, size_t count, std::int64_t key) noexcept {
  constexpr size_t few = 64;
  constexpr size_t w = I64::width;
  const std::int64_t* from = keys;
  size_t left = count;
  for (; left > few; left -= left / 2)
    from += left / 2 & -static_cast<size_t>(from[left / 2 - 1] < key);
  const I64 limit = broadcast_i64(key);
  I64 less = zero_i64();
  for (size_t i = 0; i < left; i += w) less = count_less(load_i64(from + i), limit, less);
  const size_t at = static_cast<size_t>(from - keys) + sum(less);
  I64 moved = load_i64(keys + at);
  for (size_t i = at; i < count; i += w) {
    const I64 next = load_i64(keys + i + w);
    store(keys + i + 1, moved);
    moved = next;
  }
  keys[at] = key;
  return at;
}

}  // namespace
