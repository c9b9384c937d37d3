#include "vector_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "mapped_file.hpp"
#include "raw_table.hpp"
#include "read_error.hpp"

namespace vecinal::cli {
namespace {

constexpr std::array<std::string_view, 8> extensions = {".npy",  ".fvecs", ".bvecs", ".ivecs",
                                                        ".fbin", ".u8bin", ".i8bin", ".ibin"};

RawTable parse_table(std::span<const std::byte> bytes, FileFormat format, std::string_view file) {
  switch (format) {
    case FileFormat::npy:
      return parse_npy(bytes, file);
    case FileFormat::fvecs:
      return parse_vecs(bytes, Scalar::f32, file);
    case FileFormat::bvecs:
      return parse_vecs(bytes, Scalar::u8, file);
    case FileFormat::ivecs:
      return parse_vecs(bytes, Scalar::i32, file);
    case FileFormat::fbin:
      return parse_bin(bytes, Scalar::f32, file);
    case FileFormat::u8bin:
      return parse_bin(bytes, Scalar::u8, file);
    case FileFormat::i8bin:
      return parse_bin(bytes, Scalar::i8, file);
    case FileFormat::ibin:
      return parse_bin(bytes, Scalar::i32, file);
  }
  throw std::invalid_argument("unknown file format");
}

/// IEEE half to float; a subnormal half is mantissa * 2^-24.
float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t exponent = (half >> 10U) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t biased = exponent == 31 ? 255U : exponent + 112U;
  return std::bit_cast<float>(sign | (biased << 23U) | (mantissa << 13U));
}

/// Calls visit(row, column, value of the stored type) for every value, row by row. f16 comes as
/// float.
template <class Stored, class Visit>
void for_each_value(const RawTable& table, Visit visit) {
  for (std::size_t row = 0; row < table.rows; ++row) {
    for (std::size_t column = 0; column < table.columns; ++column) {
      const std::byte* from = table.at(row, column);
      if constexpr (std::is_same_v<Stored, float>) {
        visit(row, column, std::bit_cast<float>(load_integer<std::uint32_t>(from, table.order)));
      } else if constexpr (std::is_same_v<Stored, double>) {
        visit(row, column, std::bit_cast<double>(load_integer<std::uint64_t>(from, table.order)));
      } else {
        visit(row, column, load_integer<Stored>(from, table.order));
      }
    }
  }
}

template <class Visit>
void for_each_integer(const RawTable& table, Visit visit) {
  switch (table.scalar) {
    case Scalar::u8:
      return for_each_value<std::uint8_t>(table, visit);
    case Scalar::i8:
      return for_each_value<std::int8_t>(table, visit);
    case Scalar::u32:
      return for_each_value<std::uint32_t>(table, visit);
    case Scalar::i32:
      return for_each_value<std::int32_t>(table, visit);
    case Scalar::u64:
      return for_each_value<std::uint64_t>(table, visit);
    case Scalar::i64:
      return for_each_value<std::int64_t>(table, visit);
    case Scalar::f16:
    case Scalar::f32:
    case Scalar::f64:
      break;
  }
  throw std::logic_error("not a table of integers");
}

bool is_integer(Scalar scalar) {
  return scalar != Scalar::f16 && scalar != Scalar::f32 && scalar != Scalar::f64;
}

/// Rows of native float32, as most files have them, are copied whole.
void copy_rows(const RawTable& table, FloatMatrix& matrix) {
  const std::size_t row_bytes = table.columns * sizeof(float);
  for (std::size_t row = 0; row < table.rows; ++row) {
    std::memcpy(matrix.values.data() + row * table.columns, table.at(row, 0), row_bytes);
  }
}

void narrow_doubles(const RawTable& table, FloatMatrix& matrix, std::string_view file) {
  float* out = matrix.values.data();
  for_each_value<double>(table, [&](std::size_t row, std::size_t column, double value) {
    if (std::isfinite(value) && std::abs(value) > std::numeric_limits<float>::max()) {
      refuse(file, "row {}, column {}: {} does not fit in float32", row, column, value);
    }
    *out++ = static_cast<float>(value);
  });
}

FloatMatrix floats_of(const RawTable& table, std::string_view file) {
  if (table.rank != 2)
    refuse(file, "expected a matrix of vectors (rank 2), found rank {}", table.rank);
  FloatMatrix matrix{table.rows, table.columns, {}};
  matrix.values.resize(table.rows * table.columns);
  float* out = matrix.values.data();
  const auto append = [&](std::size_t, std::size_t, auto value) {
    *out++ = static_cast<float>(value);
  };
  if (is_integer(table.scalar)) {
    for_each_integer(table, append);
  } else if (table.scalar == Scalar::f64) {
    narrow_doubles(table, matrix, file);
  } else if (table.scalar == Scalar::f16) {
    for_each_value<std::uint16_t>(
        table, [&](std::size_t, std::size_t, std::uint16_t half) { *out++ = float_of_half(half); });
  } else if (table.order == std::endian::native && table.column_step == sizeof(float)) {
    copy_rows(table, matrix);
  } else {
    for_each_value<float>(table, append);
  }
  return matrix;
}

IdMatrix ids_of(const RawTable& table, std::string_view file) {
  if (!is_integer(table.scalar)) {
    refuse(file, "expected ids, which are integers, found {}", name(table.scalar));
  }
  IdMatrix matrix{table.rows, table.columns, {}};
  matrix.values.resize(table.rows * table.columns);
  Id* out = matrix.values.data();
  for_each_integer(table, [&](std::size_t row, std::size_t column, auto value) {
    if (std::cmp_greater(value, std::numeric_limits<Id>::max())) {
      refuse(file, "row {}, column {}: id {} passes 2^63 - 1", row, column, value);
    }
    *out++ = static_cast<Id>(value);
  });
  return matrix;
}

/// Of a path, for messages: control characters would let a file name write to the terminal.
std::string printable(const std::filesystem::path& file) {
  std::string text = file.string();
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return text;
}

}  // namespace

bool has_known_extension(const std::filesystem::path& file) {
  return std::ranges::find(extensions, file.extension().string()) != extensions.end();
}

FileFormat format_of(const std::filesystem::path& file) {
  const auto found = std::ranges::find(extensions, file.extension().string());
  if (found == extensions.end()) {
    throw std::invalid_argument(fmt::format("{}: the extension must be one of {}", printable(file),
                                            fmt::join(extensions, " ")));
  }
  return static_cast<FileFormat>(found - extensions.begin());
}

FloatMatrix parse_floats(std::span<const std::byte> bytes, FileFormat format,
                         std::string_view file) {
  return floats_of(parse_table(bytes, format, file), file);
}

IdMatrix parse_ids(std::span<const std::byte> bytes, FileFormat format, std::string_view file) {
  return ids_of(parse_table(bytes, format, file), file);
}

FloatMatrix read_floats(const std::filesystem::path& file) {
  const FileFormat format = format_of(file);
  return parse_floats(MappedFile(file).bytes(), format, printable(file));
}

IdMatrix read_ids(const std::filesystem::path& file) {
  const FileFormat format = format_of(file);
  return parse_ids(MappedFile(file).bytes(), format, printable(file));
}

std::variant<FloatMatrix, IdMatrix> read_any(const std::filesystem::path& file) {
  const FileFormat format = format_of(file);
  const MappedFile mapped(file);
  const RawTable table = parse_table(mapped.bytes(), format, printable(file));
  if (is_integer(table.scalar) && width(table.scalar) >= 4) return ids_of(table, printable(file));
  return floats_of(table, printable(file));
}

}  // namespace vecinal::cli
