/// Reads and writes files of vectors: .npy, .fvecs .bvecs .ivecs, .fbin .u8bin .i8bin .ibin.
/// Whatever a file stores comes out as float32 (vectors) or int64 (ids).
///
/// Files are not trusted: sizes are checked against the bytes that are there before anything is
/// allocated, and what is allocated is at most eight times the file. A file has at least one row
/// and one column. Files are mapped while they are read: one that another program cuts short
/// meanwhile ends this program (SIGBUS).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <variant>

#include "matrix.hpp"

namespace vecinal::cli {

enum class FileFormat : std::uint8_t { npy, fvecs, bvecs, ivecs, fbin, u8bin, i8bin, ibin };

/// By extension. Throws std::invalid_argument that lists the extensions.
[[nodiscard]] FileFormat format_of(const std::filesystem::path& file);
[[nodiscard]] bool has_known_extension(const std::filesystem::path& file);

/// The values of a file given as bytes; `file` is only its name in messages.
/// Throws ReadError: malformed, a list where vectors are wanted, a value beyond float32.
[[nodiscard]] FloatMatrix parse_floats(std::span<const std::byte> bytes, FileFormat format,
                                       std::string_view file);

/// As above for ids: integers that fit int64. A list of n becomes n rows of one column.
[[nodiscard]] IdMatrix parse_ids(std::span<const std::byte> bytes, FileFormat format,
                                 std::string_view file);

/// Throw as format_of and parse_*, and std::filesystem::filesystem_error if the file cannot be
/// read.
[[nodiscard]] FloatMatrix read_floats(const std::filesystem::path& file);
[[nodiscard]] IdMatrix read_ids(const std::filesystem::path& file);

/// Ids if the file stores 32- or 64-bit integers, else vectors.
[[nodiscard]] std::variant<FloatMatrix, IdMatrix> read_any(const std::filesystem::path& file);

/// .npy (float32), .fbin, .fvecs. The file appears under its name only when it is whole.
/// Throw std::invalid_argument (another extension, no values) and
/// std::filesystem::filesystem_error.
void write_floats(const std::filesystem::path& file, MatrixView<float> matrix);

/// .npy (int64), .ibin, .ivecs (int32: throws std::invalid_argument for an id that does not fit).
void write_ids(const std::filesystem::path& file, MatrixView<Id> matrix);

}  // namespace vecinal::cli
