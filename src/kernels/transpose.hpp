/// Rows to columns and back, between vectors as they lie and panels of them. Included by
/// kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/vec.hpp"

namespace {

using std::size_t;
using vecinal::kernels::Transposition;

void transpose(const Transposition& values) noexcept {
  for (size_t r = 0; r < values.rows; r += 8)
    for (size_t c = 0; c < values.columns; c += 8)
      transpose_eight(values.from + r * values.from_stride + c, values.from_stride,
                      values.to + c * values.to_stride + r, values.to_stride);
}

}  // namespace
