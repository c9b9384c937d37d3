#include "core/parallel.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "core/thread_pool.hpp"

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
        if (watch) {
          told_ = done;
          watch(done);
        }
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

  /// Others may have done the last ranges, or all of them.
  void tell_rest(const LoopWatch& watch) const {
    if (watch && told_ < loop_.count) watch(loop_.count);
  }

 private:
  const Loop& loop_;
  const LoopBody& body_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> done_{0};
  std::atomic<bool> stop_{false};
  std::size_t told_ = 0;  ///< what the watch, which one thread has, was told last
  std::mutex mutex_;
  std::exception_ptr error_;
};

/// A run on several threads. Each worker wakes two others, w the numbers 2 w + 1 and 2 w + 2, so
/// that the last of sixteen wakes after four, not after fifteen.
class Crew {
 public:
  Crew(Run& run, unsigned workers)
      : run_(run), helpers_(take_helpers(workers - 1)), working_(helpers_.size()) {}
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() { give_back_helpers(std::move(helpers_)); }

  void work(const LoopWatch& watch) {
    wake_below(0);
    run_.work(0, watch);
    std::unique_lock lock(lock_);
    done_.wait(lock, [this] { return working_ == 0; });
  }

 private:
  void wake_below(unsigned worker) {
    for (unsigned next = 2 * worker + 1; next <= 2 * worker + 2 && next <= helpers_.size(); ++next)
      helpers_[next - 1]->start(
          {[](void* crew, unsigned number) { static_cast<Crew*>(crew)->help(number); }, this,
           next});
  }

  void help(unsigned worker) {
    wake_below(worker);
    run_.work(worker, {});
    const std::lock_guard lock(lock_);  // held while it notifies: then the crew may be gone
    if (--working_ == 0) done_.notify_one();
  }

  Run& run_;
  Helpers helpers_;
  std::mutex lock_;
  std::condition_variable done_;
  std::size_t working_;  ///< helpers that have not ended
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
  if (workers == 1)
    run.work(0, watch);
  else
    Crew(run, workers).work(watch);
  run.rethrow();
  run.tell_rest(watch);
}

}  // namespace vecinal
