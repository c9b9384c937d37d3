/// Vector files written byte by byte, by other code than the one under test.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace vecinal::cli {

template <class T>
[[nodiscard]] std::string raw(T value, std::endian order = std::endian::little) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  if (order != std::endian::native) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

template <class T>
[[nodiscard]] std::string raw_list(std::initializer_list<T> values,
                                   std::endian order = std::endian::little) {
  std::string bytes;
  for (const T value : values) bytes += raw(value, order);
  return bytes;
}

[[nodiscard]] inline std::string npy_with_header(std::string_view header, std::string_view values,
                                                 int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  if (version == 1) {
    bytes += raw(static_cast<std::uint16_t>(header.size()));
  } else {
    bytes += raw(static_cast<std::uint32_t>(header.size()));
  }
  bytes += header;
  bytes += values;
  return bytes;
}

[[nodiscard]] inline std::string npy(std::string_view descr, std::string_view shape,
                                     std::string_view values, std::string_view fortran = "False",
                                     int version = 1) {
  std::string header = "{'descr': '";
  header += descr;
  header += "', 'fortran_order': ";
  header += fortran;
  header += ", 'shape': ";
  header += shape;
  header += ", }\n";
  return npy_with_header(header, values, version);
}

/// rows and dim as in .fbin and its kin
[[nodiscard]] inline std::string bin(std::uint32_t rows, std::uint32_t dim,
                                     std::string_view values) {
  return raw(rows) + raw(dim) + std::string(values);
}

/// one row of .fvecs and its kin
[[nodiscard]] inline std::string vec(std::int32_t dim, std::string_view values) {
  return raw(dim) + std::string(values);
}

[[nodiscard]] inline std::span<const std::byte> as_file(std::string_view bytes) {
  return std::as_bytes(std::span(bytes));
}

}  // namespace vecinal::cli
