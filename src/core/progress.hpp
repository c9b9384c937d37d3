/// Reports progress at a bounded rate, and turns the callback's "stop" into Cancelled.
#pragma once

#include <chrono>
#include <cstddef>

#include "vecinal/error.hpp"
#include "vecinal/index.hpp"

namespace vecinal {

/// Between calls back. Tests that hear every call make it zero.
inline std::chrono::milliseconds progress_interval{50};

class ProgressMeter {
 public:
  /// callback must outlive the meter.
  ProgressMeter(const Progress& callback, std::size_t total) : callback_(callback), total_(total) {}

  [[nodiscard]] std::size_t total() const { return total_; }

  /// Calls back the first time, and then if progress_interval has passed. Only from the thread that
  /// made the public call.
  void update(std::size_t done) {
    if (!callback_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < progress_interval) return;
    last_ = now;
    if (!callback_(done, total_)) throw Cancelled("cancelled by the progress callback");
  }

  /// The last call, once nothing can be taken back: what it answers is ignored.
  void finish() const {
    if (callback_) callback_(total_, total_);
  }

 private:
  const Progress& callback_;
  std::size_t total_;
  std::chrono::steady_clock::time_point last_;  // long ago
};

/// A stretch of a meter's way: one step of a task, which counts in units of its own. The meter must
/// outlive it.
class Stretch {
 public:
  Stretch() = default;  ///< tells nobody
  explicit Stretch(ProgressMeter& meter)
      : meter_(&meter), end_(static_cast<double>(meter.total())) {}

  /// From one share of it to another, 0 .. 1.
  [[nodiscard]] Stretch part(double from, double to) const {
    Stretch inner = *this;
    inner.begin_ = begin_ + from * (end_ - begin_);
    inner.end_ = begin_ + to * (end_ - begin_);
    return inner;
  }

  /// As ProgressMeter::update().
  void update(std::size_t done, std::size_t total) const {
    if (meter_ == nullptr) return;
    const double share = total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
    meter_->update(static_cast<std::size_t>(begin_ + share * (end_ - begin_)));
  }

  /// The same now and then, for loops over many small things.
  void step(std::size_t done, std::size_t total) const {
    constexpr std::size_t stride = 1024;
    if (done % stride == 0) update(done, total);
  }

 private:
  ProgressMeter* meter_ = nullptr;
  double begin_ = 0;
  double end_ = 0;
};

}  // namespace vecinal
