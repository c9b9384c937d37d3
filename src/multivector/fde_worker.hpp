/// One thread's work for an FdeEncoder: the cells of vectors, and encodings of sets.
///
/// A set is taken in panels of 32 vectors, which stay in the first cache while their cells are
/// found and they are projected and added to the cells' sums, in one repetition after the other.
/// Where the sums of all repetitions would not stay in cache either, the set is taken again for the
/// next ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/aligned_array.hpp"
#include "multivector/cell_sums.hpp"
#include "multivector/cells.hpp"
#include "multivector/vector_panel.hpp"
#include "vecinal/batch.hpp"

namespace vecinal {

enum class FdeSide : bool { documents, queries };

class FdeWorker {
 public:
  /// All of them outlive the worker. mean: dim values.
  FdeWorker(const FdeParams& params, const Cells& cells, std::span<const float> mean);

  /// Vectors [begin, end) of the batch as one set. Queries are summed as they are, documents
  /// averaged about the mean; both are hashed about it. Returns whether they are sound for sure.
  bool encode(const Batch& vectors, std::size_t begin, std::size_t end, FdeSide side,
              std::span<float> to);

  /// The cells of vectors [begin, end) of the batch in every repetition, vector by vector.
  void hash(const Batch& vectors, std::size_t begin, std::size_t end, std::uint16_t* to);

 private:
  struct Repetitions {
    std::uint32_t begin;
    std::uint32_t end;
  };

  void add_panel(Repetitions repetitions);
  void project(std::uint32_t repetition);
  void fold(Repetitions repetitions, std::span<float> to) const;

  const FdeParams& params_;
  const Cells& cells_;
  std::uint32_t at_once_;  ///< repetitions
  VectorPanel panel_;
  CellSums sums_;
  AlignedFloats block_;            ///< sums of the repetitions at once, if there is a final sketch
  AlignedFloats sketch_;           ///< of a panel, value by value
  AlignedFloats rows_;             ///< the panel's vectors, if they are not added value by value
  AlignedFloats projected_;        ///< vector by vector, of one repetition
  const float* values_ = nullptr;  ///< projected_, or rows_ if they are not projected
  std::size_t values_stride_;
};

}  // namespace vecinal
