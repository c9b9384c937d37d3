/// Inner products of float32 values in double.
#pragma once

#include <cstddef>

namespace vecinal {

/// Four chains, so that the additions do not wait for each other.
[[nodiscard]] inline double dot(const float* a, const float* b, std::size_t count) {
  double chains[4] = {0, 0, 0, 0};
  std::size_t d = 0;
  for (; d + 4 <= count; d += 4)
    for (std::size_t c = 0; c < 4; ++c)
      chains[c] += static_cast<double>(a[d + c]) * static_cast<double>(b[d + c]);
  for (; d < count; ++d) chains[0] += static_cast<double>(a[d]) * static_cast<double>(b[d]);
  return (chains[0] + chains[1]) + (chains[2] + chains[3]);
}

}  // namespace vecinal
