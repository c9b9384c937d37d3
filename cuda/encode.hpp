/// Launcher of LVQ encoding (encode.cu).
#pragma once

#include "runtime.hpp"

namespace vecinal::cuda {

/// What encoding a row did to it: RowError of backend/device_encoding.hpp.
struct RowLoss {
  double squared_error;
  double squared_norm;
  std::uint64_t clipped;
};

/// Rows to be made codes, in device memory.
struct EncodeRequest {
  unsigned rows = 0;
  unsigned padded_dim = 0;
  unsigned bits = 8;
  bool fitted = false;
  float correction = 0;
  const float* values = nullptr;        ///< padded_dim a row
  const float* biases = nullptr;        ///< one a row
  float* rest = nullptr;                ///< two levels: padded_dim a row, what the first one leaves
  const unsigned char* base = nullptr;  ///< two levels: rows of the first one
  std::size_t base_pitch = 0;
  unsigned base_bits = 0;
  unsigned char* codes = nullptr;  ///< rows behind kernels::CodeHeader
  std::size_t pitch = 0;
  RowLoss* losses = nullptr;
};

void encode(const EncodeRequest& request, Stream stream);

}  // namespace vecinal::cuda
