/// The memory that a block of threads has and touches.
#pragma once

#include <utility>
#include <vector>

#include "accesses.hpp"

namespace emulation {

/// Shared memory that a block may have: as on an H100.
inline constexpr std::size_t most_shared_bytes = std::size_t{227} << 10U;

/// A thread of the block, and how often its warp has met in __syncwarp().
struct Who {
  std::uint16_t thread = 0;
  std::uint32_t warp_interval = 0;
  const void* code = nullptr;  ///< where it is
};

class BlockMemory {
 public:
  /// launch: what begin_launch() gave.
  BlockMemory(const char* kernel, std::uint32_t launch, std::size_t shared_bytes, unsigned threads);

  static std::uint32_t begin_launch();
  /// All threads of the block have met.
  void begin_interval();

  [[nodiscard]] unsigned char* shared() const { return shared_.begin; }

  /// What a thread may touch besides: its stack, of which top is a place near the end.
  void has_stack(unsigned thread, const void* top, std::size_t bytes);
  /// What all threads may read besides.
  void knows(const void* begin, std::size_t bytes);

  /// Reports what is not in order.
  void touched(const void* at, std::size_t bytes, Access access, const Who& who);

  void begin_copy(unsigned char* shared, const unsigned char* from, const Who& who);
  void end_copies(const Who& who);
  void wait_for_copies(unsigned behind, const Who& who);

 private:
  struct Copy {
    unsigned char* to;
    const unsigned char* from;
    unsigned group;
  };
  /// Of a thread.
  struct Copies {
    std::vector<Copy> pending;
    unsigned groups = 0;  ///< that were ended
  };
  struct Range {
    const char* begin = nullptr;
    const char* end = nullptr;
    [[nodiscard]] bool holds(const void* at) const { return at >= begin && at < end; }
  };

  void fault(const std::string& what, const Who& who) const;
  void touched_elsewhere(const void* at, std::size_t bytes, Access access, const Who& who) const;

  const char* kernel_;
  Actor actor_;
  Region& shared_;
  std::vector<Range> stacks_;
  std::vector<Range> known_;
  std::vector<Copies> copies_;
};

/// An access by code of the library that runs on the host.
void touched_by_host(const void* at, std::size_t bytes);

}  // namespace emulation
