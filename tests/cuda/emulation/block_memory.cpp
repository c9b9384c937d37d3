#include "block_memory.hpp"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <sstream>

namespace emulation {
namespace {

constexpr std::size_t copy_bytes = 16;

std::uint32_t next_interval() {
  static std::atomic<std::uint32_t> last{0};
  return ++last;
}

/// One for each thread of the host; a block takes it over from the block before.
Region& shared_memory() {
  struct Owned {
    Region region = reserve("shared", most_shared_bytes, true);
    ~Owned() { give_back(region); }
  };
  thread_local Owned owned;
  return owned.region;
}

/// Constants and the like: whether an address is of the file that this code is of.
bool in_this_library(const void* at) {
  struct Asked {
    std::uintptr_t address;
    std::uintptr_t own;
    bool found;
  } question{reinterpret_cast<std::uintptr_t>(at), reinterpret_cast<std::uintptr_t>(&next_interval),
             false};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& asked = *static_cast<Asked*>(data);
        bool own = false;
        bool holds = false;
        for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD) continue;
          const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
          const auto in = [&](std::uintptr_t x) {
            return x >= begin && x < begin + segment.p_memsz;
          };
          own = own || in(asked.own);
          holds = holds || in(asked.address);
        }
        if (own) asked.found = holds;
        return own ? 1 : 0;
      },
      &question);
  return question.found;
}

/// What addr2line takes.
std::string place_of(const void* code) {
  Dl_info file{};
  if (code == nullptr || dladdr(code, &file) == 0) return {};
  std::ostringstream place;
  place << " (" << file.dli_fname << " 0x" << std::hex
        << static_cast<const char*>(code) - static_cast<const char*>(file.dli_fbase) << ")";
  return place.str();
}

}  // namespace

BlockMemory::BlockMemory(const char* kernel, std::uint32_t launch, std::size_t shared_bytes,
                         unsigned threads)
    : kernel_(kernel), shared_(shared_memory()), stacks_(threads), copies_(threads) {
  actor_.launch_began = launch;
  actor_.block_began = actor_.interval = next_interval();
  if constexpr (checks_accesses) std::fill_n(shared_.states, shared_.bytes, Byte::nothing);
  std::fill_n(shared_.states, shared_bytes, Byte::unset);
}

std::uint32_t BlockMemory::begin_launch() { return next_interval(); }
void BlockMemory::begin_interval() { actor_.interval = next_interval(); }

void BlockMemory::has_stack(unsigned thread, const void* top, std::size_t bytes) {
  const auto* end = static_cast<const char*>(top) + 1024;
  stacks_[thread] = {end - bytes, end};
}

void BlockMemory::knows(const void* begin, std::size_t bytes) {
  const auto* first = static_cast<const char*>(begin);
  known_.push_back({first, first + bytes});
}

void BlockMemory::touched(const void* at, std::size_t bytes, Access access, const Who& who) {
  if (stacks_[who.thread].holds(at)) return;
  actor_.thread = who.thread;
  actor_.warp_interval = who.warp_interval;
  for (const Region* region : {&shared_, &device_memory(), &pinned_memory()})
    if (region->holds(at)) {
      const std::string wrong = touch(*region, at, bytes, access, actor_);
      if (!wrong.empty()) fault(wrong, who);
      return;
    }
  touched_elsewhere(at, bytes, access, who);
}

void BlockMemory::touched_elsewhere(const void* at, std::size_t bytes, Access access,
                                    const Who& who) const {
  const auto holds = [&](const Range& range) { return range.holds(at); };
  if (std::any_of(known_.begin(), known_.end(), holds)) return;
  if (access == Access::read && in_this_library(at)) return;
  fault("touches " + std::to_string(bytes) + " bytes of the host's memory", who);
}

void BlockMemory::fault(const std::string& what, const Who& who) const {
  report(std::string(kernel_) + ": thread " + std::to_string(who.thread) + " " + what +
         place_of(who.code));
}

// The copy comes as late as it may; what it will write must be free from now on.
void BlockMemory::begin_copy(unsigned char* shared, const unsigned char* from, const Who& who) {
  if constexpr (checks_accesses) {
    touched(from, copy_bytes, Access::read, who);
    touched(shared, copy_bytes, Access::write, who);
  }
  expect(shared_, shared, copy_bytes);
  Copies& mine = copies_[who.thread];
  mine.pending.push_back({shared, from, mine.groups});
}

void BlockMemory::end_copies(const Who& who) { ++copies_[who.thread].groups; }

void BlockMemory::wait_for_copies(unsigned behind, const Who& who) {
  Copies& mine = copies_[who.thread];
  const unsigned open = mine.groups > behind ? mine.groups - behind : 0;
  std::erase_if(mine.pending, [&](const Copy& copy) {
    if (copy.group >= open) return false;
    std::memcpy(copy.to, copy.from, copy_bytes);
    std::fill_n(shared_.states + shared_.offset(copy.to), copy_bytes, Byte::set);
    if constexpr (checks_accesses) touched(copy.to, copy_bytes, Access::write, who);
    return true;
  });
}

void touched_by_host(const void* at, std::size_t bytes) {
  if (device_memory().holds(at))
    report("the host touches " + std::to_string(bytes) + " bytes of device memory");
}

}  // namespace emulation
