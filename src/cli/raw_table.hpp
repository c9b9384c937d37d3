/// What the parser of each file format finds: where the values lie and how to step through them.
/// A RawTable looks at the bytes of the file and owns nothing; vector_file.cpp converts it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace vecinal::cli {

enum class Scalar : std::uint8_t { f16, f32, f64, u8, i8, u32, i32, u64, i64 };

[[nodiscard]] std::size_t width(Scalar scalar);  ///< bytes
[[nodiscard]] std::string_view name(Scalar scalar);

/// A sound table: rows and columns are at least 1 and every value lies within `bytes`.
struct RawTable {
  Scalar scalar = Scalar::f32;
  std::endian order = std::endian::little;
  std::size_t rank = 2;  ///< 1: a plain list, which is given as `rows` rows of one column
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t row_step = 0;          ///< bytes from a value to the one below it
  std::size_t column_step = 0;       ///< bytes from a value to its right neighbour
  std::span<const std::byte> bytes;  ///< starts at the value of row 0, column 0

  [[nodiscard]] const std::byte* at(std::size_t row, std::size_t column) const {
    return bytes.data() + row * row_step + column * column_step;
  }
};

/// rows * columns * width, or nothing if that passes 2^64 - 1.
[[nodiscard]] std::optional<std::size_t> bytes_of(std::size_t rows, std::size_t columns,
                                                  std::size_t width);

/// The unsigned or signed integer at `from`, whatever its alignment, stored in the given order.
template <class Integer>
[[nodiscard]] Integer load_integer(const std::byte* from, std::endian order = std::endian::little) {
  Integer value;
  std::memcpy(&value, from, sizeof(Integer));
  if (order != std::endian::native) {
    auto* first = reinterpret_cast<std::byte*>(&value);
    std::reverse(first, first + sizeof(Integer));
  }
  return value;
}

/// The parsers. Each checks every size against the bytes that are there, allocates nothing of the
/// file's choosing, and throws ReadError, whose message starts with `file`.

/// NumPy's format 1.0 and 2.0, rank 1 or 2, C or Fortran order, either byte order.
[[nodiscard]] RawTable parse_npy(std::span<const std::byte> bytes, std::string_view file);

/// .fvecs .bvecs .ivecs: each row is an int32 d, then d values; all rows have the same d.
[[nodiscard]] RawTable parse_vecs(std::span<const std::byte> bytes, Scalar scalar,
                                  std::string_view file);

/// .fbin .u8bin .i8bin .ibin: uint32 n, uint32 d, then n rows of d values. A ground truth (i32) may
/// carry n * d float32 distances after its ids, as those of the big-ann benchmarks do.
[[nodiscard]] RawTable parse_bin(std::span<const std::byte> bytes, Scalar scalar,
                                 std::string_view file);

}  // namespace vecinal::cli
