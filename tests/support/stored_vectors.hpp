/// Reads the stored sets of real vectors that the environment variable VECINAL_DATA points to.
/// Tests that need them are skipped where it is not set.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace vecinal::test {

/// Rows of unit length, in double.
struct StoredRows {
  std::size_t count = 0;
  std::size_t dim = 0;
  std::vector<double> values;
};

inline double from_half(std::uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int fraction = half & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (half >> 15) != 0 ? -magnitude : magnitude;
}

/// The path of a stored file; nothing if VECINAL_DATA is not set or has no such file.
inline std::optional<std::filesystem::path> stored_file(const std::string& name) {
  const char* folder = std::getenv("VECINAL_DATA");
  if (folder == nullptr) return std::nullopt;
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

/// Up to `most` rows of a float16 .npy file, evenly spread over it, scaled to length 1.
inline StoredRows read_unit_rows(const std::filesystem::path& path, std::size_t most) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes.at(at)); };
  const std::size_t begin = 10U + byte(8) + 256U * byte(9);
  const std::string header = bytes.substr(0, begin);
  const std::size_t shape = header.find("'shape': (");
  if (header.find("'<f2'") == std::string::npos || header.find("False") == std::string::npos ||
      shape == std::string::npos)
    throw std::runtime_error(path.string() + " is not a float16 table in C order");
  const std::size_t comma = header.find(',', shape + 10);
  const std::size_t stored = std::stoul(header.substr(shape + 10));
  StoredRows rows;
  rows.dim = std::stoul(header.substr(comma + 1));
  rows.count = std::min(stored, most);
  for (std::size_t i = 0; i < rows.count; ++i) {
    const std::size_t first = begin + i * stored / rows.count * rows.dim * 2;
    double squared = 0;
    for (std::size_t d = 0; d < rows.dim; ++d) {
      const std::size_t at = first + 2 * d;
      rows.values.push_back(from_half(static_cast<std::uint16_t>(byte(at) + 256U * byte(at + 1))));
      squared += rows.values.back() * rows.values.back();
    }
    for (std::size_t d = 0; d < rows.dim; ++d) rows.values[i * rows.dim + d] /= std::sqrt(squared);
  }
  return rows;
}

}  // namespace vecinal::test
