/// What a backend is told of rows that it encodes or multiplies. Plain views; the callers keep the
/// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/rows.hpp"

namespace vecinal {

/// Rows to be made codes: Storage::set() for each of them.
struct RowsToEncode {
  kernels::RowType type = kernels::RowType::lvq8;  ///< codes
  bool fitted = false;
  float correction = 0;        ///< as in RowFormat
  std::size_t padded_dim = 0;  ///< a multiple of kernels::code_padding
  std::size_t count = 0;
  const float* rows = nullptr;      ///< padded_dim floats each
  std::size_t stride = 0;           ///< floats
  const float* biases = nullptr;    ///< one a row, or null for zeros
  const std::byte* base = nullptr;  ///< types of two levels: the rows of the first one
  std::size_t base_stride = 0;      ///< bytes
};

/// What encoding a row did to it: Encoded of encoding/storage.hpp.
struct RowError {
  double squared_error = 0;
  double squared_norm = 0;
  std::uint64_t clipped = 0;
};

/// A float32 matrix in device memory.
class DeviceMatrix {
 public:
  virtual ~DeviceMatrix() = default;
  [[nodiscard]] virtual std::size_t rows() const = 0;
  [[nodiscard]] virtual std::size_t cols() const = 0;
};

/// Rows of floats in host memory.
struct HostRows {
  const float* data = nullptr;
  std::size_t count = 0;
  std::size_t stride = 0;  ///< floats
};

}  // namespace vecinal
