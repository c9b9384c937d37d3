/// Python functions called from inside a vecinal call that has let go of the interpreter lock,
/// and the signals (Ctrl-C) that arrive meanwhile.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

#include "vecinal/error.hpp"
#include "vecinal/filter.hpp"
#include "vecinal/index.hpp"

namespace vecinal::python {

namespace py = pybind11;

/// None, int64 ids, uint64 words of a bitmap, a callable, or a tuple of a name and filters or
/// labels. A view of the object, which must outlive the search.
[[nodiscard]] Filter to_filter(py::handle filter);

/// Watches over one call: reports to a progress callable (or to nobody, if it is None) and notices
/// signals. What the callable or a signal handler raises stops the call and is kept for rethrow().
class Watch {
 public:
  explicit Watch(py::handle callback) : callback_(callback) {}

  /// Refers to this Watch. Called without the interpreter lock, from the thread that made the call.
  [[nodiscard]] Progress progress() {
    return [this](std::size_t done, std::size_t total) { return report(done, total); };
  }

  /// Raises what stopped the call, if it was an exception.
  void rethrow() const {
    if (raised_) std::rethrow_exception(raised_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool report(std::size_t done, std::size_t total);
  bool ask(std::size_t done, std::size_t total) const;

  py::handle callback_;
  Clock::time_point checked_ = Clock::now();
  std::exception_ptr raised_;
};

/// What a call does to others of the same index.
enum class Effect {
  reads,  ///< runs beside any other call
  waits   ///< changes the index, or waits for the change or the searches that are under way
};

/// Marks the calling thread as inside a call of an index, until the end of the scope.
/// Throws std::runtime_error where the thread is inside one already and the new one waits: a
/// callback that makes such a call would wait for itself.
class Inside {
 public:
  Inside(const Index& index, Effect effect);
  ~Inside() { innermost_ = outer_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  static thread_local const Inside* innermost_;
  const Index* index_;
  const Inside* outer_;
};

/// Runs call() without the interpreter lock.
template <class Call>
auto unlocked(const Index& index, Effect effect, Call call) {
  const py::gil_scoped_release no_lock;
  const Inside inside(index, effect);
  return call();
}

/// Runs call(progress), which lets go of the interpreter lock, so that it can be watched and
/// stopped.
template <class Call>
auto watched(py::handle callback, Call call) {
  Watch watch(callback);
  try {
    if constexpr (std::is_void_v<decltype(call(watch.progress()))>) {
      call(watch.progress());
      watch.rethrow();
    } else {
      auto result = call(watch.progress());
      watch.rethrow();
      return result;
    }
  } catch (const Cancelled&) {
    watch.rethrow();
    throw;
  }
}

/// The same for a call of an index, which is made without the interpreter lock.
template <class Call>
auto interruptible(const Index& index, Effect effect, py::handle callback, Call call) {
  return watched(callback, [&](const Progress& progress) {
    return unlocked(index, effect, [&] { return call(progress); });
  });
}

}  // namespace vecinal::python
