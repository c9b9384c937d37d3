#include "faults/system_calls.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace vecinal::test {
namespace {

/// What is to become of the calls of a kind.
struct Plan {
  std::atomic<int> reason{0};
  std::atomic<std::size_t> left{0};  ///< calls up to the one that fails; 0: none does, or it has
};
std::array<Plan, static_cast<std::size_t>(Call::calls)> plans;

FileListener* listener = nullptr;

/// Hands on what a call returned; `tell` is called if it has succeeded.
template <class Result, class Tell>
Result heard(Result result, const Tell& tell) {
  if (listener != nullptr && result >= 0) tell(*listener);
  return result;
}

Plan& plan_of(Call call) { return plans[static_cast<std::size_t>(call)]; }

/// True if this call is the one.
bool fails(Call call) {
  Plan& plan = plan_of(call);
  if (plan.left.load() == 0 || plan.left.fetch_sub(1) != 1) return false;
  errno = plan.reason.load();
  return true;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// The call of a name that this program does not replace, unless it is the one to fail.
template <class Result, class... Parameters>
Result forwarded(Call call, const char* name, Result failure, Parameters... parameters) {
  if (fails(call)) return failure;
  return real<Result(Parameters...)>(name)(parameters...);
}

}  // namespace

FailingCall::FailingCall(Call call, int reason, std::size_t n) : call_(call) {
  plan_of(call).reason = reason;
  plan_of(call).left = n;
}

FailingCall::~FailingCall() { plan_of(call_).left = 0; }

void listen(FileListener* to) { listener = to; }

bool FailingCall::happened() const { return plan_of(call_).left == 0; }

}  // namespace vecinal::test

using vecinal::test::Call;
using vecinal::test::FileListener;
using vecinal::test::forwarded;
using vecinal::test::heard;

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (vecinal::test::fails(Call::open)) return -1;
  const int file = vecinal::test::real<int(const char*, int, ...)>("open")(path, flags, mode);
  return heard(file, [&](FileListener& to) { to.opened(file, path); });
}

ssize_t pwrite(int file, const void* data, size_t size, off_t offset) {
  if (vecinal::test::fails(Call::pwrite)) {
    if (errno != vecinal::test::cut_short) return -1;
    size /= 2;
  }
  const ssize_t written = vecinal::test::real<ssize_t(int, const void*, size_t, off_t)>("pwrite")(
      file, data, size, offset);
  return heard(written, [&](FileListener& to) {
    to.wrote(file, static_cast<std::uint64_t>(offset),
             {static_cast<const std::byte*>(data), static_cast<std::size_t>(written)});
  });
}

/// Closes the file, whatever it says of it.
int close(int file) {
  const int result = vecinal::test::real<int(int)>("close")(file);
  return vecinal::test::fails(Call::close) ? -1 : result;
}

int fdatasync(int file) {
  return heard(forwarded(Call::fdatasync, "fdatasync", -1, file),
               [&](FileListener& to) { to.synced(file); });
}
int fsync(int file) {
  return heard(forwarded(Call::fsync, "fsync", -1, file),
               [&](FileListener& to) { to.synced(file); });
}
int ftruncate(int file, off_t size) noexcept {
  return heard(forwarded(Call::ftruncate, "ftruncate", -1, file, size),
               [&](FileListener& to) { to.truncated(file, static_cast<std::uint64_t>(size)); });
}
int flock(int file, int how) noexcept { return forwarded(Call::flock, "flock", -1, file, how); }
int fchmod(int file, mode_t mode) noexcept {
  return forwarded(Call::fchmod, "fchmod", -1, file, mode);
}
int fstat(int file, struct stat* info) noexcept {
  return forwarded(Call::fstat, "fstat", -1, file, info);
}
int lstat(const char* path, struct stat* info) noexcept {
  const bool fails = vecinal::test::fails(Call::lstat);
  if (fails && errno != vecinal::test::other_disk) return -1;
  const int result = vecinal::test::real<int(const char*, struct stat*)>("lstat")(path, info);
  if (fails) ++info->st_dev;
  return result;
}
int rename(const char* from, const char* to) noexcept {
  return heard(forwarded(Call::rename, "rename", -1, from, to),
               [&](FileListener& listener) { listener.renamed(from, to); });
}
void* mmap(void* address, size_t size, int access, int flags, int file, off_t offset) noexcept {
  return forwarded(Call::mmap, "mmap", MAP_FAILED, address, size, access, flags, file, offset);
}
int mprotect(void* address, size_t size, int access) noexcept {
  return forwarded(Call::mprotect, "mprotect", -1, address, size, access);
}

}  // extern "C"
