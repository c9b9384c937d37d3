/// A file that appears under its name only when it is whole: written beside it, then renamed.
/// For results, not for indexes: it is not synced to the disk.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>

namespace vecinal::cli {

/// All throw std::filesystem::filesystem_error.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path file);
  ~OutputFile();  ///< drops what was written unless commit() returned
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  struct Close {
    void operator()(std::FILE* stream) const { std::fclose(stream); }
  };

  std::filesystem::path file_;
  std::filesystem::path written_;  ///< file_ itself where it is a device or pipe
  std::unique_ptr<std::FILE, Close> stream_;
  bool committed_ = false;
};

}  // namespace vecinal::cli
