/// Whole files: replacing one atomically, and looking at one without reading it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

namespace vecinal {

/// Writes through `fill` to a temporary file beside `file`, syncs it, renames it over `file` and
/// syncs the folder: after any failure the old file is whole and the temporary one gone. Throws
/// std::filesystem::filesystem_error.
void replace_file(
    const std::filesystem::path& file,
    const std::function<void(const std::function<void(std::span<const std::byte>)>& sink)>& fill);

/// A file mapped read-only. Throws std::filesystem::filesystem_error.
class FileView {
 public:
  explicit FileView(const std::filesystem::path& file);
  ~FileView();
  FileView(const FileView&) = delete;
  FileView& operator=(const FileView&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  std::span<const std::byte> bytes_;
};

}  // namespace vecinal
