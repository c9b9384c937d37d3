/// Lets a writer wait for the searches that may still look at what it wants to free.
///
/// Readers count themselves in and out of the current phase. synchronize() opens a new phase and
/// waits until everyone of the old one has left; searches that start later are not waited for, so
/// it always ends. alone() keeps readers out for the short time that something is exchanged which
/// they look at piece by piece.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
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

  /// One writer at a time. Calls `exchange` while no Pass exists. New ones wait meanwhile, but are
  /// let in again and again: a reader that asks for a second Pass must not wait for itself.
  template <class Exchange>
  void alone(const Exchange& exchange) {
    for (auto patience = std::chrono::milliseconds(1);; patience *= 2) {
      const std::uint32_t old = phase_.load(std::memory_order_seq_cst);
      phase_.store(closed, std::memory_order_seq_cst);
      const auto last = std::chrono::steady_clock::now() + patience;
      while (inside_[old].load(std::memory_order_seq_cst) != 0 &&
             std::chrono::steady_clock::now() < last)
        std::this_thread::yield();
      const bool empty = inside_[old].load(std::memory_order_seq_cst) == 0;
      if (empty) exchange();
      phase_.store(old, std::memory_order_seq_cst);
      if (empty) return;
      std::this_thread::sleep_for(patience);
    }
  }

 private:
  static constexpr std::uint32_t closed = 2;

  std::uint32_t enter() {
    for (;;) {
      const std::uint32_t phase = phase_.load(std::memory_order_seq_cst);
      if (phase == closed) {
        std::this_thread::yield();
        continue;
      }
      inside_[phase].fetch_add(1, std::memory_order_seq_cst);
      if (phase_.load(std::memory_order_seq_cst) == phase) return phase;
      inside_[phase].fetch_sub(1, std::memory_order_seq_cst);
    }
  }

  std::atomic<std::uint32_t> phase_{0};
  std::array<std::atomic<std::uint32_t>, 2> inside_{};
};

}  // namespace vecinal
