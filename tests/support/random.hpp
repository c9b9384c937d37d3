/// Seeded random values for tests.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace vecinal::test {

/// Standard normal.
inline std::vector<float> random_floats(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

}  // namespace vecinal::test
