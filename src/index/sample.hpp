/// Vectors to learn from: prepared like rows, at most a number of them.
#pragma once

#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "transform/matrix.hpp"
#include "vecinal/batch.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

class Sample {
 public:
  /// Every so many of the batch's vectors, so that there are at most `limit`. They must be sound.
  Sample(const Config& config, const Batch& batch, std::size_t limit, unsigned threads);

  [[nodiscard]] std::size_t count() const { return norms_.size(); }
  [[nodiscard]] float* row(std::size_t i) { return values_.data() + i * stride_; }

  /// Rows of floats, zero past the dims up to the padding of codes.
  [[nodiscard]] Vectors view() const { return {values_.data(), count(), stride_}; }

  /// Forgets vectors so much longer than the median one that they would move the mean out of the
  /// reach of the others' grids.
  void drop_outliers();

  [[nodiscard]] std::vector<float> mean(std::size_t dim);
  void center(std::span<const float> mean);

  /// Multiplies by the power of two that brings the largest value near one, and returns it: moments
  /// of any vectors then stay within float32, and directions are the same.
  float normalise();
  void scale(float factor);

 private:
  /// Ranges of rows, each of its own.
  [[nodiscard]] Loop by_rows() const;

  std::size_t stride_;
  unsigned threads_;
  AlignedFloats values_;
  std::vector<float> norms_;
};

}  // namespace vecinal
