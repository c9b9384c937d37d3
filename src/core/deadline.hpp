/// When a call has to be over.
#pragma once

#include <chrono>

namespace vecinal {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  /// None: never passes.
  Deadline() = default;

  /// So long from now; the longest duration there is means none.
  explicit Deadline(std::chrono::nanoseconds timeout) {
    const Clock::time_point now = Clock::now();
    if (timeout < Clock::time_point::max() - now) at_ = now + timeout;
  }

  [[nodiscard]] bool passed() const { return some() && Clock::now() >= at_; }
  [[nodiscard]] bool some() const { return at_ != Clock::time_point::max(); }

  /// What is left until it; zero if it has passed.
  [[nodiscard]] std::chrono::nanoseconds left() const {
    if (!some()) return std::chrono::nanoseconds::max();
    const Clock::time_point now = Clock::now();
    return now < at_ ? at_ - now : std::chrono::nanoseconds(0);
  }

 private:
  Clock::time_point at_ = Clock::time_point::max();
};

}  // namespace vecinal
