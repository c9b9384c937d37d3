/// Sections of a file to arrays: copied, or mapped where they are large enough to start on a page.
#pragma once

#include <algorithm>
#include <string_view>

#include "core/growable_array.hpp"
#include "core/progress.hpp"
#include "core/section_file.hpp"

namespace vecinal {

class ArrayReader {
 public:
  /// file: sections are mapped from it; -1: all are copied. watch: told of bytes of the file.
  ArrayReader(const SectionReader& sections, int file, const Stretch& watch)
      : sections_(sections), file_(file), watch_(watch) {
    for (const Section& section : sections.sections()) all_ += section.data.size();
  }

  [[nodiscard]] const SectionReader& sections() const { return sections_; }

  /// Throws FormatError if the section is not `count` values; nothing is allocated then.
  template <class T>
  void read(std::string_view tag, std::uint64_t count, GrowableArray<T>& array) {
    const auto values = sections_.array<T>(tag, count);
    if (file_ >= 0 && values.size_bytes() >= mappable_bytes) {
      array.map(file_, sections_.section(tag).offset, values.size());
    } else {
      array.resize(values.size());
      copy(values, array.data());
    }
    done_ += values.size_bytes();
    watch_.update(done_, all_);
  }

 private:
  template <class T>
  void copy(std::span<const T> from, T* to) const {
    constexpr std::size_t piece = std::size_t{1} << 20U;
    for (std::size_t i = 0; i < from.size(); i += piece) {
      watch_.update(done_ + i * sizeof(T), all_);
      const auto part = from.subspan(i, std::min(piece, from.size() - i));
      std::copy(part.begin(), part.end(), to + i);
    }
  }

  const SectionReader& sections_;
  int file_;
  Stretch watch_;
  std::uint64_t done_ = 0;
  std::uint64_t all_ = 0;
};

}  // namespace vecinal
