/// The first of many things for which something holds, looked for by several threads.
#pragma once

#include <atomic>
#include <cstddef>

#include "core/parallel.hpp"

namespace vecinal {

/// The least i below loop.count for which holds(i) is true; loop.count if there is none. The same
/// for any number of threads.
template <class Holds>
[[nodiscard]] std::size_t find_first(const Loop& loop, const Holds& holds) {
  std::atomic<std::size_t> first{loop.count};
  parallel_for(loop, [&](std::size_t begin, std::size_t end, unsigned) {
    std::size_t i = begin;
    while (i < end && !holds(i)) ++i;
    std::size_t known = first.load(std::memory_order_relaxed);
    while (i < end && i < known && !first.compare_exchange_weak(known, i)) {
    }
  });
  return first;
}

}  // namespace vecinal
