#include "output_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace vecinal::cli {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& file) {
  throw std::filesystem::filesystem_error(what, file,
                                          std::error_code(errno, std::generic_category()));
}

/// Devices and pipes are written in place: renaming over them would replace them by a file.
std::filesystem::path place_to_write(const std::filesystem::path& file) {
  std::error_code ignored;
  const auto status = std::filesystem::status(file, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return file;
  std::filesystem::path beside = file;
  beside += ".partial-" + std::to_string(::getpid());
  return beside;
}

}  // namespace

OutputFile::OutputFile(std::filesystem::path file)
    : file_(std::move(file)),
      written_(place_to_write(file_)),
      stream_(std::fopen(written_.c_str(), "wb")) {
  if (!stream_) fail("cannot create", file_);
}

OutputFile::~OutputFile() {
  if (committed_ || written_ == file_) return;
  std::error_code ignored;
  std::filesystem::remove(written_, ignored);
}

void OutputFile::write(std::span<const std::byte> bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stream_.get()) != bytes.size()) {
    fail("cannot write", file_);
  }
}

void OutputFile::commit() {
  if (std::fclose(stream_.release()) != 0) fail("cannot write", file_);
  if (written_ != file_) std::filesystem::rename(written_, file_);
  committed_ = true;
}

}  // namespace vecinal::cli
