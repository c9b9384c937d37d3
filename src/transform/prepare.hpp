/// From the user's vectors to the rows that are compared: validated, normalised for cosine, zero
/// padded. After it only l2 and inner product exist.
#pragma once

#include <cstddef>

#include "vecinal/config.hpp"

namespace vecinal {

/// Why a vector cannot be used.
enum class RowFault : unsigned char { none, not_finite, zero, too_long };

struct Prepared {
  RowFault fault = RowFault::none;
  float norm = 0;  ///< Euclidean length of the prepared row
};

/// Longest row: with squared norms up to a quarter of the largest float32, no score can overflow or
/// be NaN.
inline constexpr double max_squared_norm = 8.5e37;

/// Whether prepare_row() would refuse the vector of dim floats.
[[nodiscard]] RowFault fault_of(Metric metric, const float* vector, std::size_t dim);

/// from: dim floats. to: dim floats, written only if there is no fault; what follows them is left
/// alone.
[[nodiscard]] Prepared prepare_row(Metric metric, const float* from, std::size_t dim, float* to);

/// The fault in words, for messages that name the row.
[[nodiscard]] const char* describe(RowFault fault);

}  // namespace vecinal
