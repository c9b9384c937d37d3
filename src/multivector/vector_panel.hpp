/// Up to 32 vectors side by side, as the kernels of FDE encoding take them: centred, and their
/// directions in 16-bit steps, by which cells are found.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/aligned_array.hpp"
#include "kernels/kernels.hpp"
#include "multivector/cells.hpp"
#include "vecinal/batch.hpp"

namespace vecinal {

class VectorPanel {
 public:
  /// All of them outlive the panel. mean: dim values.
  VectorPanel(const FdeParams& params, const Cells& cells, std::span<const float> mean);

  enum class Values : bool { centred, as_they_are };

  /// Vectors [first, first + count) of the batch; count <= kernels::set_lanes. Returns whether they
  /// are sound for sure; where not, somebody has to look (transform/prepare.hpp).
  bool load(const Batch& vectors, std::size_t first, std::size_t count, Values values);

  /// Finds the cells of the vectors in repetitions [begin, end).
  void find_cells(std::uint32_t begin, std::uint32_t end);

  /// After find_cells(): the cell of each vector in a repetition.
  [[nodiscard]] const std::int32_t* cells(std::uint32_t repetition) const {
    return found_.data() + repetition * kernels::set_lanes;
  }

  /// Has part `part` of `parts` of the vectors behind these fetched: at once they would stall.
  void fetch_ahead(std::uint32_t part, std::uint32_t parts) const;

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }

  /// Value d of vector i at [d * kernels::set_lanes + i].
  [[nodiscard]] const float* values() const { return values_.data(); }

 private:
  void settle(std::size_t plane, std::uint32_t doubts);

  const FdeParams& params_;
  const Cells& cells_;
  std::vector<float> mean_;  ///< zeros past dim
  bool usual_mean_;
  std::size_t dim_;
  std::size_t stride_;  ///< padded dim
  Batch vectors_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  AlignedFloats rows_;  ///< padded copies, where the batch's own rows cannot be taken
  AlignedFloats values_;
  AlignedFloats centred_;  ///< if the values are not
  AlignedArray<std::int16_t> steps_;
  std::vector<std::int32_t> found_;
  std::vector<std::uint32_t> doubts_;
  std::vector<float> doubtful_;  ///< one centred vector
};

}  // namespace vecinal
