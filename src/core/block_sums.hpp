/// Sums over many rows on all threads, the same bits whatever the threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/parallel.hpp"

namespace vecinal {

/// `width` sums over `count` rows: add(i, sums) adds what row i has to add. Rows are added up in
/// blocks, and the sums of the blocks in their order.
template <class Add>
std::vector<double> block_sums(std::size_t count, std::size_t width, unsigned threads,
                               const Add& add) {
  constexpr std::size_t block = 64;
  const std::size_t blocks = (count + block - 1) / block;
  std::vector<double> parts(blocks * width, 0.0);
  parallel_for({.count = count, .grain = block, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 double* const sums = parts.data() + begin / block * width;
                 for (std::size_t i = begin; i < end; ++i) add(i, sums);
               });
  std::vector<double> total(width, 0.0);
  for (std::size_t at = 0; at < parts.size(); at += width)
    for (std::size_t i = 0; i < width; ++i) total[i] += parts[at + i];
  return total;
}

}  // namespace vecinal
