/// Parallel loops, by the calling thread and helpers that wait between loops (thread_pool.hpp).
#pragma once

#include <cstddef>
#include <functional>

namespace vecinal {

/// threads as asked, 0 meaning one per core this process may use.
[[nodiscard]] unsigned resolve_threads(unsigned threads);

/// Ranges [begin, end) of [0, count), at most grain long, handed to up to `threads` workers as they
/// come free. The calling thread is worker 0. The first exception of a body stops the rest and is
/// rethrown here. The body must not depend on which worker runs a range, but for scratch memory
/// indexed by worker.
struct Loop {
  std::size_t count = 0;
  std::size_t grain = 1;
  unsigned threads = 1;  ///< resolved
};
using LoopBody = std::function<void(std::size_t begin, std::size_t end, unsigned worker)>;
using LoopWatch = std::function<void(std::size_t done)>;

/// watch, if given, is called by the calling thread between its ranges, the last time with all of
/// the loop done, whichever threads did it; an exception it throws stops the loop.
void parallel_for(const Loop& loop, const LoopBody& body, const LoopWatch& watch = {});

}  // namespace vecinal
