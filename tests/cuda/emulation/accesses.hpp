/// Which accesses of a kernel are in order. Threads of a block are, where a barrier of the block
/// lies between; those of a warp, where __syncwarp() does. An exchange between lanes orders nothing
/// in memory, and blocks of one launch never are in order.
#pragma once

#include "memory.hpp"

namespace emulation {

/// Who touches memory. Intervals are numbered through the process: a block begins one at its start
/// and at each of its barriers.
struct Actor {
  std::uint32_t launch_began = 0;  ///< the first interval of this launch
  std::uint32_t block_began = 0;
  std::uint32_t interval = 0;
  std::uint32_t warp_interval = 0;  ///< how often the warp has met in __syncwarp()
  std::uint16_t thread = 0;
};

enum class Access : unsigned char { read, write, atomic };

/// Code of the library, of a kernel or not, touches memory. code: its address.
void touched(const void* at, std::size_t bytes, Access access, const void* code);

/// Records that bytes of a region were touched. Empty if that is in order, else what is wrong.
std::string touch(const Region& region, const void* at, std::size_t bytes, Access access,
                  const Actor& actor);

/// Bytes that a copy which has been begun will write.
void expect(const Region& region, const void* at, std::size_t bytes);

}  // namespace emulation
