/// One row encoding: how prepared float32 rows become bytes and back, and which kernels read them.
/// A new encoding is one file with one Codec, listed in codec.cpp.
#pragma once

#include <cstddef>

#include "kernels/rows.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

class Codec {
 public:
  virtual ~Codec() = default;

  [[nodiscard]] virtual kernels::RowType row_type() const = 0;

  /// Bytes from one row to the next.
  [[nodiscard]] virtual std::size_t stride(std::size_t padded_dim) const = 0;

  /// from: padded_dim finite floats, zero past the dim. to: stride bytes.
  /// Returns false if a value is outside the encoding's range; `to` is then unspecified.
  [[nodiscard]] virtual bool encode(const float* from, std::size_t padded_dim,
                                    std::byte* to) const = 0;

  virtual void decode(const std::byte* from, std::size_t padded_dim, float* to) const = 0;

  /// True if a stored row is already padded_dim floats, so that it can serve as a query where it
  /// lies.
  [[nodiscard]] virtual bool is_float() const { return false; }

  /// What encode() accepts, for error messages.
  [[nodiscard]] virtual const char* range() const = 0;
};

[[nodiscard]] const Codec& codec(Encoding encoding);

/// Defined in f32.cpp and f16.cpp.
[[nodiscard]] const Codec& f32_codec();
[[nodiscard]] const Codec& f16_codec();

}  // namespace vecinal
