/// What one seed draws for an FDE encoder: the hyperplanes that make cells (SimHash), the inner
/// projection of each repetition, and the places of the final count-sketch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.hpp"
#include "transform/matrix.hpp"
#include "vecinal/fde.hpp"

namespace vecinal {

/// An index and a sign, of a count-sketch.
struct Place {
  std::uint32_t at;
  float sign;
};

/// A sparse inner projection in the order of its sums (kernels::SignedSums).
struct SparseProjection {
  std::vector<std::uint32_t> dims;
  std::vector<std::uint32_t> ends;
};

class Cells {
 public:
  explicit Cells(const FdeConfig& config);

  [[nodiscard]] std::size_t count() const { return std::size_t{1} << config_.params.k_sim; }

  /// Rows of repetitions * k_sim hyperplanes; empty if there is one cell only.
  [[nodiscard]] const Matrix& planes() const { return planes_; }

  /// Of each plane: a float32 product with a vector is off by less than this times the vector's
  /// length.
  [[nodiscard]] std::span<const float> rounding() const { return rounding_; }

  /// The planes in 16-bit steps: row i starts at steps() + i * planes().stride().
  [[nodiscard]] const std::int16_t* steps() const { return steps_.data(); }

  /// The length of the steps of vectors that meet those of the planes. Products fit int32.
  static constexpr float step_length = 32000;

  /// Integer products with steps of that length are off by less than this.
  [[nodiscard]] std::int32_t doubt() const { return doubt_; }

  /// On which side of plane `row` a vector lies, in double: the same on every machine.
  [[nodiscard]] bool above(std::size_t row, const float* vector) const;

  /// One for each repetition, or none.
  [[nodiscard]] const std::vector<SparseProjection>& sparse() const { return sparse_; }
  [[nodiscard]] const std::vector<Matrix>& dense() const { return dense_; }

  /// Places of all values in the final sketch; empty without one.
  [[nodiscard]] const std::vector<Place>& final_places() const { return final_places_; }

 private:
  void draw_planes();
  void step_planes(double longest);
  void draw_projections();

  FdeConfig config_;
  Matrix planes_;
  std::vector<float> rounding_;
  std::vector<std::int16_t> steps_;
  std::int32_t doubt_ = 0;
  std::vector<SparseProjection> sparse_;
  std::vector<Matrix> dense_;
  std::vector<Place> final_places_;
};

}  // namespace vecinal
