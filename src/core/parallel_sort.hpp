/// Sorting by several threads.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <vector>

#include "core/parallel.hpp"

namespace vecinal {

/// Pieces are sorted side by side, and then merged two by two. before(a, b) must order the values
/// without ties, or the result would depend on the threads.
template <class T, class Before>
void parallel_sort(std::vector<T>& values, unsigned threads, const Before& before) {
  constexpr std::size_t least_piece = 4096;
  const std::size_t pieces =
      std::bit_floor(std::clamp<std::size_t>(values.size() / least_piece, 1, 2 * threads));
  const auto at = [&](std::vector<T>& of, std::size_t piece) {
    return of.begin() + static_cast<std::ptrdiff_t>(piece * of.size() / pieces);
  };
  parallel_for({.count = pieces, .threads = threads}, [&](std::size_t p, std::size_t, unsigned) {
    std::sort(at(values, p), at(values, p + 1), before);
  });
  std::vector<T> merged(pieces == 1 ? 0 : values.size());
  for (std::size_t width = 1; width < pieces; width *= 2) {
    const std::size_t pairs = pieces / (2 * width);
    parallel_for({.count = pairs, .threads = threads}, [&](std::size_t i, std::size_t, unsigned) {
      const std::size_t p = 2 * width * i;
      std::merge(at(values, p), at(values, p + width), at(values, p + width),
                 at(values, p + 2 * width), at(merged, p), before);
    });
    values.swap(merged);
  }
}

}  // namespace vecinal
