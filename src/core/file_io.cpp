#include "core/file_io.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace vecinal {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& file) {
  const int reason = errno;  // before anything else can change it
  throw std::filesystem::filesystem_error(what, file,
                                          std::error_code(reason, std::generic_category()));
}

[[noreturn]] void close_and_fail(int number, const char* what, const std::filesystem::path& file,
                                 int reason) {
  ::close(number);
  errno = reason;
  fail(what, file);
}

/// The result of a system call that a signal may have interrupted before it began.
template <class Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

int open_file(const std::filesystem::path& file, int flags) {
  const int number = uninterrupted([&] { return ::open(file.c_str(), flags | O_CLOEXEC, 0666); });
  if (number < 0) fail("open", file);
  return number;
}

int flags_of(File::Open how) {
  switch (how) {
    case File::Open::existing:
      return O_RDWR | O_NOFOLLOW;
    case File::Open::always:
      return O_RDWR | O_CREAT;
    case File::Open::create:
      break;
  }
  return O_RDWR | O_CREAT | O_EXCL;
}

/// Some file systems keep no locks; nothing can be done about it there.
bool has_no_locks(int reason) {
  return reason == ENOSYS || reason == EOPNOTSUPP || reason == ENOLCK;
}

bool reason_is(const std::filesystem::filesystem_error& error, std::errc reason) {
  return error.code() == std::make_error_condition(reason);
}

/// Locks a file that was just made; false if another call has taken it for one that was left.
bool claim(File& made) {
  try {
    made.lock();
    return made.is_there();
  } catch (...) {
    ::unlink(made.path().c_str());
    throw;
  }
}

/// A new file beside `file` that no other call has. What a process left there which was killed is
/// removed, not written to: it may be anyone's.
File make_temporary(const std::filesystem::path& temporary) {
  for (;;) {
    try {
      File made(temporary, File::Open::create);
      if (claim(made)) return made;
    } catch (const std::filesystem::filesystem_error& error) {
      if (!reason_is(error, std::errc::file_exists)) throw;
      try {
        File left(temporary, File::Open::existing);
        left.lock();  // waits for a call that is about to rename it
        if (left.is_there()) std::filesystem::remove(temporary);
      } catch (const std::filesystem::filesystem_error& gone) {
        if (!reason_is(gone, std::errc::no_such_file_or_directory)) throw;
      }
    }
  }
}

}  // namespace

File::File(std::filesystem::path file, Open how)
    : path_(std::move(file)), number_(open_file(path_, flags_of(how))) {}

File::~File() {
  if (number_ >= 0) ::close(number_);
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)), number_(std::exchange(other.number_, -1)) {}

void File::write_at(std::uint64_t offset, std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t written = uninterrupted(
        [&] { return ::pwrite(number_, data.data(), data.size(), static_cast<off_t>(offset)); });
    if (written < 0) fail("write", path_);
    data = data.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void File::truncate(std::uint64_t bytes) {
  if (uninterrupted([&] { return ::ftruncate(number_, static_cast<off_t>(bytes)); }) != 0)
    fail("truncate", path_);
}

void File::sync() {
  if (::fdatasync(number_) != 0) fail("sync", path_);
}

void File::close() {
  if (::close(std::exchange(number_, -1)) != 0) fail("close", path_);
}

void File::lock() {
  if (uninterrupted([&] { return ::flock(number_, LOCK_EX); }) != 0 && !has_no_locks(errno))
    fail("lock", path_);
}

bool File::try_lock() {
  if (uninterrupted([&] { return ::flock(number_, LOCK_EX | LOCK_NB); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  if (!has_no_locks(errno)) fail("lock", path_);
  return true;
}

std::uint64_t File::size() const {
  struct stat info {};
  if (::fstat(number_, &info) != 0) fail("stat", path_);
  return static_cast<std::uint64_t>(info.st_size);
}

void File::set_mode(unsigned mode) {
  if (::fchmod(number_, mode) != 0) fail("chmod", path_);
}

bool File::is_there() const {
  struct stat here {};
  struct stat there {};
  if (::fstat(number_, &here) != 0) fail("stat", path_);
  return ::lstat(path_.c_str(), &there) == 0 && here.st_ino == there.st_ino &&
         here.st_dev == there.st_dev;
}

void FileWriter::put(std::span<const std::byte> piece) {
  if (piece.empty()) return;
  if (piece.size() > buffer_.size() - used_) flush();
  if (piece.size() > buffer_.size()) return write(piece);
  std::memcpy(buffer_.data() + used_, piece.data(), piece.size());
  used_ += piece.size();
}

void FileWriter::flush() {
  write(buffer_.first(used_));
  used_ = 0;
}

void FileWriter::write(std::span<const std::byte> bytes) {
  file_.write_at(offset_, bytes);
  offset_ += bytes.size();
}

void sync_folder_of(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const int number =
      uninterrupted([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (number < 0) fail("open", folder);
  if (::fsync(number) != 0) close_and_fail(number, "sync", folder, errno);
  ::close(number);
}

void replace_file(
    const std::filesystem::path& file,
    const std::function<void(const std::function<void(std::span<const std::byte>)>&)>& fill) {
  const std::filesystem::path temporary = file.string() + ".saving";
  File out = make_temporary(temporary);
  try {
    struct stat old {};
    if (::stat(file.c_str(), &old) == 0) out.set_mode(old.st_mode & 0777U);
    std::vector<std::byte> buffer(FileWriter::buffer_bytes);
    FileWriter writer(out, 0, buffer);
    fill([&](std::span<const std::byte> piece) { writer.put(piece); });
    writer.flush();
    out.sync();
    // Closed after it has its name: the lock keeps others away until then.
    if (::rename(temporary.c_str(), file.c_str()) != 0) fail("rename", file);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  out.close();
  sync_folder_of(file);
}

FileView::FileView(const std::filesystem::path& file)
    : descriptor_(uninterrupted([&] {
        // A pipe is refused below, not waited for until somebody writes to it.
        return ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
      })) {
  if (descriptor_ < 0) fail("open", file);
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) close_and_fail(descriptor_, "open", file, errno);
  if (!S_ISREG(info.st_mode))
    close_and_fail(descriptor_, "open", file, S_ISDIR(info.st_mode) ? EISDIR : EINVAL);
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return;
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor_, 0);
  if (mapped == MAP_FAILED) close_and_fail(descriptor_, "mmap", file, errno);
  bytes_ = {static_cast<const std::byte*>(mapped), size};
}

FileView::~FileView() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  ::close(descriptor_);
}

}  // namespace vecinal
