/// One thread's work for an FdeEncoder: the cells of a set's vectors, and its encoding.
///
/// A set is laid out in panels of 16 vectors, so that a sparse inner projection adds whole
/// registers of vectors. A repetition is projected, gathered into its cells, filled and put in its
/// place before the next: no more than one of them is ever held.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/aligned_array.hpp"
#include "multivector/cells.hpp"
#include "vecinal/batch.hpp"

namespace vecinal {

enum class FdeSide : bool { documents, queries };

class FdeWorker {
 public:
  /// All of them outlive the worker. mean: dim values.
  FdeWorker(const FdeParams& params, const Cells& cells, std::span<const float> mean);

  /// Vectors [begin, end) of the batch as one set. Queries are summed as they are, documents
  /// averaged about the mean; both are hashed about it.
  void encode(const Batch& vectors, std::size_t begin, std::size_t end, FdeSide side,
              std::span<float> to);

  /// Finds the cells of the vectors in every repetition.
  void hash(const Batch& vectors, std::size_t begin, std::size_t end);

  /// After hash(): the cell of vector begin + i.
  [[nodiscard]] std::uint32_t cell(std::uint32_t repetition, std::size_t i) const {
    return codes_.empty() ? 0 : codes_[i * params_.repetitions + repetition];
  }

 private:
  void reserve(std::size_t count);
  void hash_chunk(std::size_t first, std::size_t count);
  void make_panels();
  void project(std::uint32_t repetition);
  void project_sparse(const SparseProjection& projection);
  void gather(std::uint32_t repetition);
  void average();
  void fill();
  void put(std::uint32_t repetition, std::span<float> to) const;

  const FdeParams& params_;
  const Cells& cells_;
  std::span<const float> mean_;
  std::size_t dim_;
  std::size_t stride_;     ///< of vectors_, floats
  std::size_t count_ = 0;  ///< vectors of the set
  std::size_t room_ = 0;   ///< vectors there is memory for
  AlignedFloats vectors_;  ///< centred; of queries, once hashed, as they are
  AlignedFloats panels_;
  AlignedFloats sums_;                  ///< of one panel
  std::vector<float> products_;         ///< of a chunk of vectors with all planes
  std::vector<std::uint16_t> codes_;    ///< vector by vector
  std::vector<float> projected_;        ///< vector by vector, of one repetition
  const float* projections_ = nullptr;  ///< projected_, or vectors_ if they are not projected
  std::size_t projections_stride_ = 0;
  std::vector<float> block_;            ///< cell by cell
  std::vector<std::uint32_t> sizes_;    ///< vectors in a cell
  std::vector<std::uint32_t> firsts_;   ///< the first vector in a cell
  std::vector<std::uint64_t> nearest_;  ///< distance and first vector of the nearest cell with one
};

}  // namespace vecinal
