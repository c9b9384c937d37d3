/// The system calls on files of this program, which can fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vecinal::test {

enum class Call : unsigned char {
  open,
  close,
  pwrite,
  ftruncate,
  fdatasync,
  fsync,
  flock,
  fstat,
  lstat,
  fchmod,
  rename,
  mmap,
  mprotect,
  calls,  ///< how many there are
};

/// Reasons that are no failures: a pwrite() writes half of what it was given, and says so; lstat()
/// tells of a file of the same number on another disk.
inline constexpr int cut_short = 0;
inline constexpr int other_disk = 0;

/// While it lives, the n-th call of a kind from its start on (1 is the next one) fails for a reason
/// (of errno.h). One of a kind lives at a time.
class FailingCall {
 public:
  FailingCall(Call call, int reason, std::size_t n = 1);
  ~FailingCall();
  FailingCall(const FailingCall&) = delete;
  FailingCall& operator=(const FailingCall&) = delete;

  /// True if it has failed.
  [[nodiscard]] bool happened() const;

 private:
  Call call_;
};

/// Told what calls have done to files, once they have.
class FileListener {
 public:
  FileListener() = default;
  FileListener(const FileListener&) = delete;
  FileListener& operator=(const FileListener&) = delete;
  virtual ~FileListener() = default;

  virtual void opened(int file, const char* path) = 0;
  virtual void wrote(int file, std::uint64_t offset, std::span<const std::byte> data) = 0;
  virtual void truncated(int file, std::uint64_t bytes) = 0;
  virtual void synced(int file) = 0;
  virtual void renamed(const char* from, const char* to) = 0;
};

/// From now on, or with null no more. One thread at a time may make the calls.
void listen(FileListener* listener);

}  // namespace vecinal::test
