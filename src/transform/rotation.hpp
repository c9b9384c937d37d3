/// A random rotation that costs d log d: rounds of random signs and Walsh-Hadamard transforms of
/// the largest power-of-two block, from the front and from the back in turn. It spreads the energy
/// of a vector evenly over its values, which uniform grids of few bits need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecinal {

class Rotation {
 public:
  Rotation() = default;  ///< of no dimensions: does nothing

  /// The same seed and dim give the same rotation everywhere.
  Rotation(std::size_t dim, std::uint64_t seed);

  [[nodiscard]] std::size_t dim() const { return dim_; }
  [[nodiscard]] bool identity() const { return signs_.empty(); }

  /// In place; dim floats.
  void apply(float* values) const;

  /// The inverse of apply().
  void undo(float* values) const;

 private:
  void flip(std::size_t round, float* values) const;

  std::size_t dim_ = 0;
  std::size_t block_ = 0;  ///< the largest power of two up to dim
  std::size_t rounds_ = 0;
  std::vector<float> signs_;  ///< +1 and -1, dim for each round
};

}  // namespace vecinal
