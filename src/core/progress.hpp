/// Reports progress at a bounded rate, and turns the callback's "stop" into Cancelled.
#pragma once

#include <chrono>
#include <cstddef>

#include "vecinal/error.hpp"
#include "vecinal/index.hpp"

namespace vecinal {

class ProgressMeter {
 public:
  /// callback must outlive the meter.
  ProgressMeter(const Progress& callback, std::size_t total) : callback_(callback), total_(total) {}

  /// Calls back the first time, and then if 50 ms have passed. Only from the thread that made the
  /// public call.
  void update(std::size_t done) {
    if (!callback_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(50)) return;
    last_ = now;
    if (!callback_(done, total_)) throw Cancelled("cancelled by the progress callback");
  }

 private:
  const Progress& callback_;
  std::size_t total_;
  std::chrono::steady_clock::time_point last_;  // long ago
};

}  // namespace vecinal
