/// Python functions called from inside a vecinal call that has let go of the interpreter lock,
/// and the signals (Ctrl-C) that arrive meanwhile.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <utility>

#include "vecinal/error.hpp"
#include "vecinal/filter.hpp"
#include "vecinal/index.hpp"

namespace vecinal::python {

namespace py = pybind11;

/// None, int64 ids, uint64 words of a bitmap, or a callable. A view of the object, which must
/// outlive the search.
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

/// Marks the calling thread as the one that changes the index, until the end of the scope.
/// Throws std::runtime_error if it does so already: a callback that changes the index it is called
/// from would wait for itself.
class Change {
 public:
  explicit Change(const Index& index);
  ~Change() { innermost_ = outer_; }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

 private:
  static thread_local const Change* innermost_;
  const Index* index_;
  const Change* outer_;
};

/// Runs call(progress) without the interpreter lock, so that it can be watched and stopped.
template <class Call>
auto interruptible(py::handle callback, Call call) {
  Watch watch(callback);
  try {
    auto result = [&] {
      const py::gil_scoped_release unlocked;
      return call(watch.progress());
    }();
    watch.rethrow();
    return result;
  } catch (const Cancelled&) {
    watch.rethrow();
    throw;
  }
}

}  // namespace vecinal::python
