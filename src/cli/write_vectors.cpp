// The writers of vector_file.hpp. Every format is little-endian.
#include <fmt/core.h>

#include <bit>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "output_file.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are written as they lie in memory");

template <class T>
void write_values(OutputFile& out, std::span<const T> values) {
  out.write(std::as_bytes(values));
}

void write_npy_header(OutputFile& out, std::string_view descr, std::size_t rows,
                      std::size_t columns) {
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}, {}), }}",
                                 descr, rows, columns);
  constexpr std::size_t head = 10;  // magic, version, length
  constexpr std::size_t alignment = 64;
  const std::size_t unpadded = head + text.size() + 1;
  text.append((alignment - unpadded % alignment) % alignment, ' ');
  text.push_back('\n');
  const auto length = static_cast<std::uint16_t>(text.size());
  std::string start = "\x93NUMPY";
  start.push_back('\1');
  start.push_back('\0');
  start.push_back(static_cast<char>(length & 0xFFU));
  start.push_back(static_cast<char>(length >> 8U));
  write_values<char>(out, start);
  write_values<char>(out, text);
}

/// The two numbers of .fbin and .ibin and the one of .fvecs and .ivecs are 32-bit.
template <class Count>
Count narrow_count(std::size_t count, const std::filesystem::path& file) {
  if (count > static_cast<std::size_t>(std::numeric_limits<Count>::max())) {
    throw std::invalid_argument(
        fmt::format("{}: the format cannot hold {} rows or columns", file.string(), count));
  }
  return static_cast<Count>(count);
}

template <class T>
void write_bin(OutputFile& out, const std::filesystem::path& file, MatrixView<T> matrix) {
  const std::uint32_t header[] = {narrow_count<std::uint32_t>(matrix.rows, file),
                                  narrow_count<std::uint32_t>(matrix.columns, file)};
  write_values<std::uint32_t>(out, header);
  write_values(out, matrix.values);
}

template <class T>
void write_vecs(OutputFile& out, const std::filesystem::path& file, MatrixView<T> matrix) {
  const std::int32_t dim[] = {narrow_count<std::int32_t>(matrix.columns, file)};
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    write_values<std::int32_t>(out, dim);
    write_values(out, matrix.row(row));
  }
}

template <class T>
void require_values(const std::filesystem::path& file, const MatrixView<T>& matrix) {
  if (matrix.rows == 0 || matrix.columns == 0) {
    throw std::invalid_argument(fmt::format("{}: there is nothing to write", file.string()));
  }
}

[[noreturn]] void refuse_format(const std::filesystem::path& file, std::string_view what,
                                std::string_view formats) {
  throw std::invalid_argument(
      fmt::format("{}: {} can be written as {}", file.string(), what, formats));
}

std::vector<std::int32_t> narrow_ids(const std::filesystem::path& file, MatrixView<Id> matrix) {
  std::vector<std::int32_t> narrow;
  narrow.reserve(matrix.values.size());
  for (const Id id : matrix.values) {
    if (!std::in_range<std::int32_t>(id)) {
      throw std::invalid_argument(
          fmt::format("{}: id {} does not fit in int32; write .npy", file.string(), id));
    }
    narrow.push_back(static_cast<std::int32_t>(id));
  }
  return narrow;
}

}  // namespace

void write_floats(const std::filesystem::path& file, MatrixView<float> matrix) {
  const FileFormat format = format_of(file);
  require_values(file, matrix);
  if (format != FileFormat::npy && format != FileFormat::fbin && format != FileFormat::fvecs) {
    refuse_format(file, "vectors", ".npy .fbin .fvecs");
  }
  OutputFile out(file);
  if (format == FileFormat::npy) {
    write_npy_header(out, "<f4", matrix.rows, matrix.columns);
    write_values(out, matrix.values);
  } else if (format == FileFormat::fbin) {
    write_bin(out, file, matrix);
  } else {
    write_vecs(out, file, matrix);
  }
  out.commit();
}

void write_ids(const std::filesystem::path& file, MatrixView<Id> matrix) {
  const FileFormat format = format_of(file);
  require_values(file, matrix);
  if (format != FileFormat::npy && format != FileFormat::ibin && format != FileFormat::ivecs) {
    refuse_format(file, "ids", ".npy .ibin .ivecs");
  }
  if (format == FileFormat::npy) {
    OutputFile out(file);
    write_npy_header(out, "<i8", matrix.rows, matrix.columns);
    write_values(out, matrix.values);
    return out.commit();
  }
  const std::vector<std::int32_t> ids = narrow_ids(file, matrix);
  const MatrixView<std::int32_t> narrow{matrix.rows, matrix.columns, ids};
  OutputFile out(file);
  if (format == FileFormat::ibin) {
    write_bin(out, file, narrow);
  } else {
    write_vecs(out, file, narrow);
  }
  out.commit();
}

}  // namespace vecinal::cli
