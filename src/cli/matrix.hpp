/// Dense row-major tables in memory: one that owns its values and one that only looks at them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "vecinal/batch.hpp"
#include "vecinal/config.hpp"

namespace vecinal::cli {

template <class T>
struct MatrixView {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::span<const T> values;  ///< rows * columns of them

  [[nodiscard]] std::span<const T> row(std::size_t i) const {
    return values.subspan(i * columns, columns);
  }
};

template <class T>
struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<T> values;

  [[nodiscard]] MatrixView<T> view() const { return {rows, columns, values}; }
  [[nodiscard]] std::span<const T> row(std::size_t i) const { return view().row(i); }
};

using FloatMatrix = Matrix<float>;
using IdMatrix = Matrix<Id>;

[[nodiscard]] inline Batch batch_of(const FloatMatrix& matrix) {
  return {matrix.values.data(), matrix.rows, matrix.columns};
}

}  // namespace vecinal::cli
