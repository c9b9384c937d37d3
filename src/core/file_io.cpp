#include "core/file_io.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace vecinal {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& file) {
  throw std::filesystem::filesystem_error(what, file,
                                          std::error_code(errno, std::generic_category()));
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close_now(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return number_; }
  int close_now() {
    const int result = number_ >= 0 ? ::close(number_) : 0;
    number_ = -1;
    return result;
  }

 private:
  int number_;
};

void write_all(int descriptor, std::span<const std::byte> data, const std::filesystem::path& file) {
  while (!data.empty()) {
    const ssize_t written = ::write(descriptor, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", file);
    data = data.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace

void replace_file(
    const std::filesystem::path& file,
    const std::function<void(const std::function<void(std::span<const std::byte>)>&)>& fill) {
  std::string temporary = file.string() + ".XXXXXX";
  Descriptor out(::mkostemp(temporary.data(), O_CLOEXEC));
  if (out.get() < 0) fail("create", file);
  try {
    struct stat old {};
    const bool exists = ::stat(file.c_str(), &old) == 0;
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (::fchmod(out.get(), exists ? old.st_mode & 0777U : 0666U & ~mask) != 0)
      fail("chmod", temporary);
    fill([&](std::span<const std::byte> piece) { write_all(out.get(), piece, temporary); });
    if (::fsync(out.get()) != 0) fail("fsync", temporary);
    if (out.close_now() != 0) fail("close", temporary);
    if (::rename(temporary.c_str(), file.c_str()) != 0) fail("rename", file);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) fail("fsync", folder);
}

FileView::FileView(const std::filesystem::path& file)
    : descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail("open", file);
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) {
    if (!S_ISREG(info.st_mode)) errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    ::close(descriptor_);
    fail("open", file);
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return;
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor_, 0);
  if (mapped == MAP_FAILED) {
    ::close(descriptor_);
    fail("mmap", file);
  }
  bytes_ = {static_cast<const std::byte*>(mapped), size};
}

FileView::~FileView() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  ::close(descriptor_);
}

}  // namespace vecinal
