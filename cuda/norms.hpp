/// Launcher of the squared lengths of rows of floats (norms.cu).
#pragma once

#include "runtime.hpp"
#include "score.hpp"

namespace vecinal::cuda {

struct NormRows {
  const unsigned char* data = nullptr;
  std::size_t pitch = 0;
  unsigned padded_dim = 0;
  unsigned count = 0;
};

/// norms[i] = |row i|^2. type: f32 or f16.
void take_norms(kernels::RowType type, const NormRows& rows, float* norms, Stream stream);

}  // namespace vecinal::cuda
