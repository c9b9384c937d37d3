#include "core/thread_pool.hpp"

#include <pthread.h>

#include <new>
#include <system_error>
#include <utility>

#include "core/parallel.hpp"

namespace vecinal {
namespace {

/// Never destroyed: loops may end while the process does.
struct Pool {
  std::mutex lock;
  Helpers idle;
  bool closed = false;
};

Pool& pool();

/// Ends the idle threads with the process, or when the library is unloaded; those that come back
/// later end at once.
struct Closer {
  Closer() = default;
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;
  ~Closer() {
    Helpers idle;
    const std::lock_guard lock(pool().lock);
    pool().closed = true;
    idle.swap(pool().idle);
  }
};

Pool* make_pool() {
  // The threads of the parent are not there in a child: it forgets them, and what they hold.
  static_cast<void>(pthread_atfork([] { pool().lock.lock(); }, [] { pool().lock.unlock(); },
                                   [] {
                                     for (std::unique_ptr<Helper>& helper : pool().idle)
                                       static_cast<void>(helper.release());
                                     pool().idle.clear();
                                     pool().lock.unlock();
                                   }));
  return new Pool;
}

Pool& pool() {
  static Pool* const the_pool = make_pool();
  static const Closer closer;
  return *the_pool;
}

}  // namespace

Helper::~Helper() {
  {
    const std::lock_guard lock(lock_);
    stops_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Helper::start(const Task& task) {
  {
    const std::lock_guard lock(lock_);
    task_ = task;
  }
  changed_.notify_one();
}

void Helper::work() {
  std::unique_lock lock(lock_);
  for (;;) {
    changed_.wait(lock, [this] { return stops_ || task_.run != nullptr; });
    const Task task = std::exchange(task_, {});
    if (task.run == nullptr) return;
    lock.unlock();
    task.run(task.of, task.number);
    lock.lock();
  }
}

Helpers take_helpers(std::size_t count) {
  Helpers taken;
  taken.reserve(count);
  {
    const std::lock_guard lock(pool().lock);
    Helpers& idle = pool().idle;
    while (taken.size() < count && !idle.empty()) {
      taken.push_back(std::move(idle.back()));
      idle.pop_back();
    }
  }
  try {
    while (taken.size() < count) taken.push_back(std::make_unique<Helper>());
  } catch (const std::system_error&) {
    // No more threads to be had: those that there are do the work.
  }
  return taken;
}

void give_back_helpers(Helpers helpers) noexcept {
  const std::size_t most = resolve_threads(0);
  const std::lock_guard lock(pool().lock);
  Helpers& idle = pool().idle;
  try {
    while (!helpers.empty() && !pool().closed && idle.size() < most) {
      idle.push_back(std::move(helpers.back()));
      helpers.pop_back();
    }
  } catch (const std::bad_alloc&) {
    // The others end, as do those that are too many.
  }
}

}  // namespace vecinal
