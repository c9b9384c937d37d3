/// Lets a writer wait for the searches that may still look at what it wants to free.
///
/// Readers count themselves in and out of the current phase. synchronize() opens a new phase and
/// waits until everyone of the old one has left; searches that start later are not waited for, so
/// it always ends.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

namespace vecinal {

class ReaderGate {
 public:
  class Pass {
   public:
    explicit Pass(ReaderGate& gate) : gate_(gate), phase_(gate.enter()) {}
    ~Pass() { gate_.inside_[phase_].fetch_sub(1, std::memory_order_seq_cst); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    ReaderGate& gate_;
    std::uint32_t phase_;
  };

  /// One writer at a time. On return, every Pass that existed at the call is gone.
  void synchronize() {
    const std::uint32_t old = phase_.load(std::memory_order_seq_cst);
    phase_.store(1 - old, std::memory_order_seq_cst);
    while (inside_[old].load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
  }

 private:
  std::uint32_t enter() {
    for (;;) {
      const std::uint32_t phase = phase_.load(std::memory_order_seq_cst);
      inside_[phase].fetch_add(1, std::memory_order_seq_cst);
      if (phase_.load(std::memory_order_seq_cst) == phase) return phase;
      inside_[phase].fetch_sub(1, std::memory_order_seq_cst);
    }
  }

  std::atomic<std::uint32_t> phase_{0};
  std::array<std::atomic<std::uint32_t>, 2> inside_{};
};

}  // namespace vecinal
