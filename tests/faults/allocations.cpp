#include "faults/allocations.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace vecinal::test {
namespace {

std::atomic<std::size_t> counted{0};
std::atomic<std::int64_t> first_to_fail{INT64_MAX};  ///< numbers of allocations
std::atomic<std::int64_t> last_to_fail{INT64_MAX};
std::atomic<bool> failed{false};

}  // namespace

std::size_t allocations() { return counted.load(); }

FailingAllocation::FailingAllocation(std::size_t n, How how) {
  const auto first = static_cast<std::int64_t>(counted.load() + n);
  failed = false;
  last_to_fail = how == How::once ? first : INT64_MAX;
  first_to_fail = first;
}

FailingAllocation::~FailingAllocation() { first_to_fail = INT64_MAX; }

bool FailingAllocation::happened() { return failed; }

namespace {

void* allocate(std::size_t size, std::size_t alignment) {
  const auto number =
      static_cast<std::int64_t>(counted.fetch_add(1, std::memory_order_relaxed)) + 1;
  if (number >= first_to_fail.load(std::memory_order_relaxed) && number <= last_to_fail.load()) {
    failed = true;
    throw std::bad_alloc();
  }
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* allocate_or_null(std::size_t size) noexcept {
  try {
    return allocate(size, alignof(std::max_align_t));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace
}  // namespace vecinal::test

void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return vecinal::test::allocate_or_null(size);
}
void* operator new[](std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return vecinal::test::allocate_or_null(size);
}
void* operator new(std::size_t size) {
  return vecinal::test::allocate(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size) {
  return vecinal::test::allocate(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return vecinal::test::allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return vecinal::test::allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
