/// Vectors of normally distributed values, from a seed.
#pragma once

#include <random>

#include "matrix.hpp"

namespace vecinal::cli {

inline FloatMatrix random_vectors(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  FloatMatrix matrix{rows, columns, {}};
  matrix.values.resize(rows * columns);
  for (float& value : matrix.values) value = normal(generator);
  return matrix;
}

}  // namespace vecinal::cli
