/// What the vectors of one set add up to in their cells, in some repetitions at once: their sums,
/// or means with a vector of the nearest cell in those that are empty.
#pragma once

#include <cstdint>
#include <vector>

#include "core/aligned_array.hpp"
#include "vecinal/fde.hpp"

namespace vecinal {

class CellSums {
 public:
  /// Room for as many repetitions.
  CellSums(const FdeParams& params, std::uint32_t repetitions);

  /// A new set; means: of documents. to: the values of the repetitions, cell by cell, that are
  /// there after finish().
  void begin(std::uint32_t repetitions, bool means, float* to);

  /// Adds vectors, in their order, to their cells in a repetition.
  void add(std::uint32_t repetition, const std::int32_t* cells, const float* values,
           std::size_t stride, std::size_t count);

  /// Makes means of sums, and fills what is empty.
  void finish();

 private:
  void spread();

  std::size_t cells_;
  std::size_t width_;
  std::uint32_t k_sim_;
  bool fill_;
  std::size_t pitch_;  ///< of places_
  std::uint32_t repetitions_ = 0;
  bool means_ = false;
  bool any_ = false;  ///< the set has a vector
  float* to_ = nullptr;
  float* sums_ = nullptr;  ///< to_ itself, or what becomes means there
  AlignedFloats held_;
  std::vector<std::uint32_t> sizes_;  ///< vectors in a cell, repetition by repetition
  /// Of each repetition: the first vectors of cells, in the order in which these were met.
  AlignedFloats firsts_;
  std::vector<std::int16_t> met_;  ///< how many cells have been
  /// Of each cell, in every repetition: the distance of the nearest cell with a vector, and which
  /// in the order of firsts_.
  std::vector<std::int16_t> places_;
};

}  // namespace vecinal
