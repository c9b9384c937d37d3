#include "core/parallel.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace vecinal {
namespace {

/// What the workers of one loop share.
class Run {
 public:
  Run(const Loop& loop, const LoopBody& body) : loop_(loop), body_(body) {}

  void work(unsigned worker, const LoopWatch& watch) noexcept {
    try {
      while (!stop_.load(std::memory_order_relaxed)) {
        const std::size_t begin = next_.fetch_add(loop_.grain, std::memory_order_relaxed);
        if (begin >= loop_.count) return;
        const std::size_t end = std::min(begin + loop_.grain, loop_.count);
        body_(begin, end, worker);
        const std::size_t done =
            done_.fetch_add(end - begin, std::memory_order_relaxed) + (end - begin);
        if (watch) watch(done);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stop_.store(true, std::memory_order_relaxed);
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const Loop& loop_;
  const LoopBody& body_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> done_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

unsigned resolve_threads(unsigned threads) {
  if (threads != 0) return threads;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&allowed)));
  return std::max(1U, std::thread::hardware_concurrency());
}

void parallel_for(const Loop& loop, const LoopBody& body, const LoopWatch& watch) {
  if (loop.count == 0) return;
  const std::size_t ranges = (loop.count + loop.grain - 1) / loop.grain;
  const auto workers =
      static_cast<unsigned>(std::min<std::size_t>(std::max(1U, loop.threads), ranges));
  Run run(loop, body);
  {
    std::vector<std::jthread> others;
    others.reserve(workers - 1);
    for (unsigned w = 1; w < workers; ++w) {
      try {
        others.emplace_back([&run, w] { run.work(w, {}); });
      } catch (const std::system_error&) {
        break;  // no more threads to be had: those that run do the work
      }
    }
    run.work(0, watch);
  }
  run.rethrow();
}

}  // namespace vecinal
