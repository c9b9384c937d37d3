#include "memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

namespace emulation {
namespace {

constexpr std::size_t alignment = 256;  // as cudaMalloc gives it
constexpr std::size_t arena_bytes = std::size_t{64} << 30U;
constexpr std::size_t most_allocated = std::size_t{8} << 30U;  // at a time

void* map_bytes(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

/// What is allocated in a region, by address.
struct Allocations {
  std::mutex lock;
  std::map<const void*, std::size_t> sizes;
  std::size_t end = 0;    ///< of all that were ever given
  std::size_t bytes = 0;  ///< that are allocated
};
Allocations& allocations(const Region& region) {
  static Allocations device;
  static Allocations pinned;
  return &region == &device_memory() ? device : pinned;
}

thread_local std::string reported;

Region* region_of(const void* at) {
  for (Region* region : {&device_memory(), &pinned_memory()})
    if (region->holds(at)) return region;
  return nullptr;
}

/// Whether all bytes are allocated; says so if not.
bool all_allocated(const Region& region, const void* at, std::size_t bytes, const char* what) {
  const Byte* states = region.states + region.offset(at);
  const Byte* fault = std::find(states, states + bytes, Byte::nothing);
  if (fault == states + bytes) return true;
  report(std::string(what) + " " + std::to_string(bytes) + " bytes of " + region.name +
         " memory, of which byte " + std::to_string(fault - states) + " is not allocated");
  return false;
}

}  // namespace

Region reserve(const char* name, std::size_t bytes, bool of_block) {
  return {name,
          static_cast<unsigned char*>(map_bytes(bytes)),
          bytes,
          static_cast<Byte*>(map_bytes(bytes)),
          static_cast<Touched*>(map_bytes(bytes / 4 * sizeof(Touched))),
          of_block};
}

void give_back(const Region& region) noexcept {
  munmap(region.begin, region.bytes);
  munmap(region.states, region.bytes);
  munmap(region.touched, region.bytes / 4 * sizeof(Touched));
}

Region& device_memory() {
  static Region region = reserve("device", arena_bytes, false);
  return region;
}

Region& pinned_memory() {
  static Region region = reserve("pinned", arena_bytes, false);
  return region;
}

void* allocate(Region& region, std::size_t bytes) {
  Allocations& all = allocations(region);
  const std::lock_guard guard(all.lock);
  // At least one byte that is not allocated lies between two of them.
  const std::size_t taken = (bytes / alignment + 1) * alignment;
  if (bytes > most_allocated - all.bytes || taken > region.bytes - all.end) return nullptr;
  unsigned char* memory = region.begin + all.end;
  const Byte state = &region == &device_memory() ? Byte::unset : Byte::set;
  std::fill_n(region.states + all.end, bytes, state);
  all.end += taken;
  all.bytes += bytes;
  all.sizes[memory] = bytes;
  return memory;
}

void release(Region& region, void* memory) noexcept {
  if (memory == nullptr) return;
  Allocations& all = allocations(region);
  const std::lock_guard guard(all.lock);
  const auto found = all.sizes.find(memory);
  if (found == all.sizes.end()) return report("memory was released that is not allocated");
  std::fill_n(region.states + region.offset(memory), found->second, Byte::nothing);
  constexpr std::size_t page = 4096;
  const std::size_t begin = (region.offset(memory) + page - 1) / page * page;
  const std::size_t end = (region.offset(memory) + found->second) / page * page;
  if (begin < end) madvise(region.begin + begin, end - begin, MADV_DONTNEED);
  all.bytes -= found->second;
  all.sizes.erase(found);
}

std::size_t allocated(const Region& region) {
  Allocations& all = allocations(region);
  const std::lock_guard guard(all.lock);
  return all.bytes;
}

void host_writes(const void* at, std::size_t bytes) {
  const Region* region = region_of(at);
  if (region == nullptr || !all_allocated(*region, at, bytes, "a copy writes")) return;
  std::fill_n(region->states + region->offset(at), bytes, Byte::set);
}

void host_reads(const void* at, std::size_t bytes) {
  const Region* region = region_of(at);
  if (region == nullptr || !all_allocated(*region, at, bytes, "a copy reads")) return;
  if constexpr (!checks_accesses) return;  // nobody knows what kernels have written
  const Byte* states = region->states + region->offset(at);
  const auto unset = std::find(states, states + bytes, Byte::unset) - states;
  if (static_cast<std::size_t>(unset) != bytes)
    report("a copy reads " + std::to_string(bytes) + " bytes, of which byte " +
           std::to_string(unset) + " was never written");
}

void copies_states(const void* to, const void* from, std::size_t bytes) {
  const Region* target = region_of(to);
  const Region* source = region_of(from);
  if (target == nullptr || source == nullptr ||
      !all_allocated(*target, to, bytes, "a copy writes") ||
      !all_allocated(*source, from, bytes, "a copy reads"))
    return;
  std::copy_n(source->states + source->offset(from), bytes, target->states + target->offset(to));
}

void report(const std::string& fault) {
  thread_local unsigned said = 0;
  constexpr unsigned most_said = 20;  // one fault is often that of all threads
  if (said++ < most_said) std::fprintf(stderr, "emulation: %s\n", fault.c_str());
  if (reported.empty()) reported = fault;
}

void throw_reported() {
  if (reported.empty()) return;
  const std::string fault = std::exchange(reported, {});
  throw std::logic_error("emulation: " + fault);
}

}  // namespace emulation
