#include "raw_table.hpp"

#include "read_error.hpp"

namespace vecinal::cli {

std::size_t width(Scalar scalar) {
  switch (scalar) {
    case Scalar::u8:
    case Scalar::i8:
      return 1;
    case Scalar::f16:
      return 2;
    case Scalar::f32:
    case Scalar::u32:
    case Scalar::i32:
      return 4;
    case Scalar::f64:
    case Scalar::u64:
    case Scalar::i64:
      break;
  }
  return 8;
}

std::string_view name(Scalar scalar) {
  constexpr std::string_view names[] = {"float16", "float32", "float64", "uint8", "int8",
                                        "uint32",  "int32",   "uint64",  "int64"};
  return names[static_cast<std::size_t>(scalar)];
}

std::optional<std::size_t> bytes_of(std::size_t rows, std::size_t columns, std::size_t width) {
  std::size_t product = 0;
  if (__builtin_mul_overflow(rows, columns, &product) ||
      __builtin_mul_overflow(product, width, &product)) {
    return std::nullopt;
  }
  return product;
}

RawTable parse_vecs(std::span<const std::byte> bytes, Scalar scalar, std::string_view file) {
  constexpr std::size_t head = sizeof(std::int32_t);
  if (bytes.empty()) refuse(file, "expected rows, found an empty file");
  std::int32_t dim = 0;
  std::size_t row_bytes = head;
  std::size_t rows = 0;
  for (std::size_t offset = 0; offset < bytes.size(); offset += row_bytes, ++rows) {
    const std::size_t left = bytes.size() - offset;
    if (left < head) refuse(file, "row {} is cut off: it has {} bytes", rows, left);
    const auto found = load_integer<std::int32_t>(bytes.data() + offset);
    if (rows == 0) {
      if (found < 1) refuse(file, "row 0 says {} dimensions, expected at least 1", found);
      dim = found;
      row_bytes = head + static_cast<std::size_t>(dim) * width(scalar);
    }
    if (found != dim) refuse(file, "row {} has {} dimensions, row 0 has {}", rows, found, dim);
    if (left < row_bytes) {
      refuse(file, "row {} is cut off: {} dimensions need {} bytes, found {}", rows, dim, row_bytes,
             left);
    }
  }
  return {.scalar = scalar,
          .rows = rows,
          .columns = static_cast<std::size_t>(dim),
          .row_step = row_bytes,
          .column_step = width(scalar),
          .bytes = bytes.subspan(head)};
}

RawTable parse_bin(std::span<const std::byte> bytes, Scalar scalar, std::string_view file) {
  constexpr std::size_t head = 2 * sizeof(std::uint32_t);
  if (bytes.size() < head) {
    refuse(file, "expected a header of {} bytes, found {} bytes", head, bytes.size());
  }
  const std::size_t rows = load_integer<std::uint32_t>(bytes.data());
  const std::size_t columns = load_integer<std::uint32_t>(bytes.data() + sizeof(std::uint32_t));
  if (rows == 0 || columns == 0) {
    refuse(file, "the header says {} rows of {} values, expected at least 1 of each", rows,
           columns);
  }
  const auto payload = bytes.subspan(head);
  const auto expected = bytes_of(rows, columns, width(scalar));
  if (!expected) {
    refuse(file, "the header says {} rows of {} {} values, more than 2^64 bytes", rows, columns,
           name(scalar));
  }
  const bool with_distances =
      scalar == Scalar::i32 && payload.size() / 2 == *expected && payload.size() % 2 == 0;
  if (payload.size() != *expected && !with_distances) {
    refuse(file, "the header says {} rows of {} {} values, which need {} bytes after it, found {}",
           rows, columns, name(scalar), *expected, payload.size());
  }
  return {.scalar = scalar,
          .rows = rows,
          .columns = columns,
          .row_step = columns * width(scalar),
          .column_step = width(scalar),
          .bytes = payload.first(*expected)};
}

}  // namespace vecinal::cli
