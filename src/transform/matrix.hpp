/// A float32 matrix whose rows are padded like float rows of an index, and its product with batches
/// of vectors on the scan's register tiles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "core/aligned_array.hpp"
#include "core/parallel.hpp"

namespace vecinal {

/// rows x cols; row r starts at data() + r * stride(), zero past cols.
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t cols);
  Matrix(const Matrix& other) : Matrix(other.rows_, other.cols_) {
    if (!empty()) std::copy_n(other.row(0), rows_ * stride_, row(0));
  }
  Matrix& operator=(const Matrix&) = delete;
  Matrix(Matrix&&) noexcept = default;
  Matrix& operator=(Matrix&&) noexcept = default;
  ~Matrix() = default;

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t cols() const { return cols_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] bool empty() const { return rows_ == 0; }
  [[nodiscard]] std::span<const float> values() const { return {row(0), rows_ * stride_}; }
  [[nodiscard]] float* row(std::size_t r) { return values_.data() + r * stride_; }
  [[nodiscard]] const float* row(std::size_t r) const { return values_.data() + r * stride_; }

 private:
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::size_t stride_ = 0;
  AlignedFloats values_;
};

/// A view of vectors in rows.
struct Vectors {
  const float* data = nullptr;
  std::size_t count = 0;
  std::size_t stride = 0;  ///< floats

  [[nodiscard]] const float* row(std::size_t i) const { return data + i * stride; }
};

/// to[i * to_stride + r] = <row r of the matrix, vector i>. Vectors have matrix.stride() readable
/// floats, zero past its cols. One thread. Sums are float32 chains over the columns.
void multiply(const Matrix& matrix, const Vectors& vectors, float* to, std::size_t to_stride);

/// Second moments, sum of x x^T over the vectors (cols of them a vector), cols x cols in double,
/// row-major and symmetric. The same bits for any number of threads. watch: told of vectors; what
/// it throws ends it.
void add_moments(const Vectors& vectors, std::size_t cols, unsigned threads, double* moments,
                 const LoopWatch& watch = {});

}  // namespace vecinal
