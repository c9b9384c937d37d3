/// The system calls on files of this program, which can fail.
#pragma once

#include <cstddef>

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

}  // namespace vecinal::test
