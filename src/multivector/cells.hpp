/// What one seed draws for an FDE encoder: the hyperplanes that make cells (SimHash), the inner
/// projection of each repetition, and the places of the final count-sketch.
#pragma once

#include <vector>

#include "transform/matrix.hpp"
#include "vecinal/fde.hpp"

namespace vecinal {

/// An index and a sign, of a count-sketch.
struct Place {
  std::uint32_t at;
  float sign;
};

class Cells {
 public:
  explicit Cells(const FdeConfig& config);

  [[nodiscard]] std::size_t count() const { return std::size_t{1} << config_.k_sim; }

  /// Rows of repetitions * k_sim hyperplanes; empty if there is one cell only.
  [[nodiscard]] const Matrix& planes() const { return planes_; }

  /// Cell number from the products with one repetition's planes: bit i is set if product i is
  /// above zero.
  [[nodiscard]] std::uint32_t cell(const float* products) const;

  /// to += the inner projection of a vector in a repetition.
  void add_projected(std::uint32_t repetition, const float* vector, float* to) const;

  /// Places of all values in the final sketch; empty without one.
  [[nodiscard]] const std::vector<Place>& final_places() const { return final_places_; }

 private:
  FdeConfig config_;
  Matrix planes_;
  std::vector<Place> inner_places_;  ///< sparse: dim for each repetition
  std::vector<float> inner_signs_;   ///< dense: projected_dim x dim for each repetition
  std::vector<Place> final_places_;
};

}  // namespace vecinal
