/// The container format: a header, a table of sections, aligned plain arrays, a footer
/// (docs/file-format.md). Knows bytes and checksums, not what the sections mean. Input is
/// untrusted: every number is checked against the bytes there are before it is used, and nothing is
/// allocated on the word of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/progress.hpp"

namespace vecinal {

inline constexpr std::uint32_t file_version = 1;

/// Sections at least this long start on a page, so that they can be mapped.
inline constexpr std::size_t mappable_bytes = 65536;

class SectionWriter {
 public:
  /// tag: at most 8 characters. data is a view, needed until write().
  void add(std::string_view tag, std::span<const std::byte> data);

  template <class T>
  void add_array(std::string_view tag, std::span<const T> data) {
    add(tag, std::as_bytes(data));
  }

  /// Total size of the file.
  [[nodiscard]] std::uint64_t size() const;

  /// Calls sink with consecutive pieces of the file, none of them large. What sink or watch throws
  /// ends it.
  void write(const std::function<void(std::span<const std::byte>)>& sink,
             const Stretch& watch = {}) const;

 private:
  struct Part {
    std::string tag;
    std::span<const std::byte> data;
  };
  /// Where each part starts, and where the footer does.
  [[nodiscard]] std::vector<std::uint64_t> offsets() const;
  /// Header and table.
  [[nodiscard]] std::vector<std::byte> head(std::span<const std::uint64_t> starts,
                                            const Stretch& watch) const;

  std::vector<Part> parts_;
};

struct Section {
  std::string tag;
  std::uint64_t offset = 0;
  std::span<const std::byte> data;
  std::uint64_t checksum = 0;
};

class SectionReader {
 public:
  /// Checks header, table, footer and padding. file is a view. Throws FormatError.
  explicit SectionReader(std::span<const std::byte> file);

  [[nodiscard]] std::uint32_t version() const { return file_version; }
  [[nodiscard]] std::span<const Section> sections() const { return sections_; }
  [[nodiscard]] bool has(std::string_view tag) const;

  /// Of the header and, through the checksums in it, of the whole file.
  [[nodiscard]] std::uint64_t checksum() const { return checksum_; }

  /// The section, or FormatError if there is none.
  [[nodiscard]] const Section& section(std::string_view tag) const;

  /// Throws FormatError if the section's bytes are not those that were written.
  static void verify(const Section& section);

  /// The same for each of the sections for which chosen(section) is true. Told of bytes.
  void verify_all(const std::function<bool(const Section&)>& chosen, const Stretch& watch) const;

  /// `count` values of T in the section; FormatError if it has another size.
  template <class T>
  [[nodiscard]] std::span<const T> array(std::string_view tag, std::uint64_t count) const {
    const Section& found = section(tag);
    expect_size(found, count, sizeof(T));
    return {reinterpret_cast<const T*>(found.data.data()), static_cast<std::size_t>(count)};
  }

 private:
  static void expect_size(const Section& section, std::uint64_t count, std::uint64_t width);

  std::vector<Section> sections_;
  std::uint64_t checksum_ = 0;
};

}  // namespace vecinal
