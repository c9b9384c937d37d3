/// A whole file as bytes, mapped read-only; not for files that change meanwhile.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace vecinal::cli {

class MappedFile {
 public:
  /// Throws std::filesystem::filesystem_error; only regular files can be mapped.
  explicit MappedFile(const std::filesystem::path& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace vecinal::cli
