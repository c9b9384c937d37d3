/// Index files taken apart into their sections and put together again, checksums and all.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/section_file.hpp"

namespace vecinal::test {

using Bytes = std::vector<std::byte>;

struct Part {
  std::string tag;
  Bytes data;
};

inline std::vector<Part> parts_of(const Bytes& file) {
  const SectionReader reader(file);
  std::vector<Part> parts;
  for (const Section& section : reader.sections())
    parts.push_back({section.tag, {section.data.begin(), section.data.end()}});
  return parts;
}

inline Bytes file_of(const std::vector<Part>& parts) {
  SectionWriter writer;
  for (const Part& part : parts) writer.add(part.tag, part.data);
  Bytes file;
  writer.write([&](std::span<const std::byte> piece) {
    file.insert(file.end(), piece.begin(), piece.end());
  });
  return file;
}

/// A file whose values are changed one by one.
class Parts {
 public:
  explicit Parts(const Bytes& file) : parts_(parts_of(file)) {}

  [[nodiscard]] Bytes file() const { return file_of(parts_); }

  Bytes& data(std::string_view tag) {
    for (Part& part : parts_)
      if (part.tag == tag) return part.data;
    throw std::out_of_range("no section " + std::string(tag));
  }

  /// Value i of a section of such values.
  template <class T>
  [[nodiscard]] T get(std::string_view tag, std::size_t i = 0) {
    T value;
    std::memcpy(&value, data(tag).data() + i * sizeof(T), sizeof(T));
    return value;
  }

  template <class T>
  void set(std::string_view tag, std::size_t i, const T& value) {
    std::memcpy(data(tag).data() + i * sizeof(T), &value, sizeof(T));
  }

  /// Sets every bit of a section.
  void fill(std::string_view tag) {
    std::fill(data(tag).begin(), data(tag).end(), std::byte{0xFF});
  }

 private:
  std::vector<Part> parts_;
};

}  // namespace vecinal::test
