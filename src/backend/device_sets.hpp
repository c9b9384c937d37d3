/// What a backend is told of sets of vectors: which rows are ranked for which query, and what an
/// FDE encoder has drawn. Plain views; the callers keep the memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/types.hpp"

namespace vecinal {

struct QueryBlock;

/// A stored set: rows [begin, end).
struct RowRange {
  Slot begin = 0;
  Slot end = 0;
};

/// Queries of several vectors each, and the sets to rank for them.
struct SetQueries {
  /// All vectors, query by query. Codes: sums of magnitudes up to kernels::max_tile_sum; of a
  /// QueryScale the scale is the size of a step, the constant is not used.
  const QueryBlock& vectors;
  std::span<const std::size_t> offsets;  ///< query i has the vectors [offsets[i], offsets[i + 1])
  std::span<const double> constants;     ///< what the scores of a query have added
  std::span<const RowRange> sets;        ///< to be ranked, query by query
  std::span<const std::size_t> ends;     ///< where the sets of each query end
};

/// An FDE encoder (multivector/fde_worker.hpp): what it has drawn, and its parameters.
struct FdeTables {
  std::size_t dim = 0;
  std::size_t repetitions = 0;
  std::size_t k_sim = 0;  ///< at most 10
  std::size_t projected_dim = 0;
  bool fill_empty = true;
  double max_squared_norm = 0;      ///< longer vectors, and those not finite, are faulty
  std::span<const float> mean;      ///< dim
  std::span<const float> planes;    ///< (repetitions * k_sim) x dim
  std::span<const float> rounding;  ///< of a plane's product with a vector of length 1

  /// An inner projection, one of the two or none: sums of dims as kernels::SignedSums has them, of
  /// all repetitions (ends go on from one to the next), or (repetitions * projected_dim) x dim.
  std::span<const std::uint32_t> sparse_dims;
  std::span<const std::uint32_t> sparse_ends;
  std::span<const float> dense;

  /// A final sketch of as many values, or 0: where the values of an encoding go, and their signs.
  std::size_t final_dim = 0;
  std::span<const std::uint32_t> final_places;
  std::span<const float> final_signs;

  [[nodiscard]] std::size_t cells() const { return std::size_t{1} << k_sim; }
  [[nodiscard]] std::size_t whole_dim() const { return repetitions * cells() * projected_dim; }
  [[nodiscard]] std::size_t encoded_dim() const { return final_dim != 0 ? final_dim : whole_dim(); }
};

/// The tables of an encoder in device memory.
class DeviceFde {
 public:
  virtual ~DeviceFde() = default;
  [[nodiscard]] virtual std::size_t encoded_dim() const = 0;
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

/// Sets to be encoded: vectors of dim floats, set by set.
struct SetsToEncode {
  const float* vectors = nullptr;
  std::size_t stride = 0;                ///< floats
  std::span<const std::size_t> offsets;  ///< set i is the vectors [offsets[i], offsets[i + 1])
  bool on_device = false;                ///< the vectors, and where their encodings go
  void* stream = nullptr;                ///< of a device: whose work makes the vectors

  [[nodiscard]] std::size_t count() const { return offsets.size() - 1; }
};

}  // namespace vecinal
