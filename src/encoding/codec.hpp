/// One row encoding: how prepared float32 rows become bytes and back, and which kernels read them.
/// A new encoding is one file with one Codec, listed in codec.cpp.
#pragma once

#include <cstddef>

#include "kernels/rows.hpp"

namespace vecinal {

class Codec {
 public:
  virtual ~Codec() = default;

  /// Values of a stored row: dim, padded with zeros.
  [[nodiscard]] virtual std::size_t padded(std::size_t dim) const { return kernels::padded(dim); }

  /// Bytes from one row to the next.
  [[nodiscard]] virtual std::size_t stride(std::size_t padded_dim) const = 0;

  /// from: padded_dim finite floats. to: stride bytes.
  /// Returns false if a value is outside the encoding's range; `to` is then unspecified.
  [[nodiscard]] virtual bool encode(const float* from, std::size_t padded_dim,
                                    std::byte* to) const = 0;

  virtual void decode(const std::byte* from, std::size_t padded_dim, float* to) const = 0;

  /// True if a stored row is already padded_dim floats, so that it can serve as a query where it
  /// lies.
  [[nodiscard]] virtual bool is_float() const { return false; }

  /// True if rows are codes behind a kernels::CodeHeader.
  [[nodiscard]] virtual bool is_code() const { return false; }

  /// Of a row of codes: the number that its values are whole multiples of, half a gap of its grid.
  [[nodiscard]] virtual float step(const std::byte* /*row*/) const { return 0; }

  /// A row of codes as an integer query: its values in steps.
  virtual void widen(const std::byte* /*row*/, std::size_t /*padded_dim*/,
                     std::int16_t* /*steps*/) const {}

  /// What encode() accepts, for error messages.
  [[nodiscard]] virtual const char* range() const = 0;
};

/// The codec of a row type; of its last level for types of two. fitted: grids are fitted to each
/// row by least squares.
[[nodiscard]] const Codec& codec(kernels::RowType type, bool fitted);

/// Defined in f32.cpp, f16.cpp and lvq.cpp.
[[nodiscard]] const Codec& f32_codec();
[[nodiscard]] const Codec& f16_codec();
[[nodiscard]] const Codec& lvq_codec(unsigned bits, bool fitted);

}  // namespace vecinal
