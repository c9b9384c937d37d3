#include "core/region.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

namespace vecinal {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20U;
constexpr std::size_t small_step = std::size_t{64} << 10U;

std::size_t round_up(std::size_t value, std::size_t step) {
  return (value + step - 1) / step * step;
}

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

void* reserve_address_space(std::size_t bytes) {
  return mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

}  // namespace

Region::Region(std::size_t bytes) {
  // Huge pages need an aligned start: reserve one page more and give back the ends.
  const std::size_t wanted = round_up(bytes == 0 ? 1 : bytes, huge_page);
  if (wanted < bytes) throw std::bad_alloc();
  void* raw = reserve_address_space(wanted + huge_page);
  if (raw == MAP_FAILED) throw std::bad_alloc();
  auto* start = static_cast<std::byte*>(raw);
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const std::size_t head = round_up(address, huge_page) - address;
  if (head != 0) munmap(start, head);
  munmap(start + head + wanted, huge_page - head);
  data_ = start + head;
  reserved_ = wanted;
}

Region::Region(Region&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      reserved_(std::exchange(other.reserved_, 0)),
      committed_(std::exchange(other.committed_, 0)) {}

Region& Region::operator=(Region&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(reserved_, other.reserved_);
  std::swap(committed_, other.committed_);
  return *this;
}

Region::~Region() {
  if (data_ != nullptr) munmap(data_, reserved_);
}

void Region::commit(std::size_t bytes) {
  if (bytes <= committed_) return;
  const std::size_t target = round_up(bytes, bytes >= huge_page ? huge_page : small_step);
  if (bytes > reserved_) throw std::bad_alloc();
  if (mprotect(data_ + committed_, target - committed_, PROT_READ | PROT_WRITE) != 0)
    throw std::bad_alloc();
  // Random access over 4 KiB pages spends its time in page walks; a kernel that refuses the advice
  // is no error.
  if (target >= huge_page) madvise(data_, target, MADV_HUGEPAGE);
  committed_ = target;
}

void Region::map(int file, std::uint64_t offset, std::size_t bytes) {
  if (bytes == 0) return;
  const std::size_t length = round_up(bytes, page_size());
  if (length > reserved_ || committed_ != 0) throw std::bad_alloc();
  void* mapped = mmap(data_, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, file, static_cast<off_t>(offset));
  if (mapped == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  committed_ = length;
}

}  // namespace vecinal
