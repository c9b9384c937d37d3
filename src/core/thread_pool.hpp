/// Threads that wait between parallel loops, as starting one costs tens of microseconds. There are
/// as many as loops have had at a time, and no more idle ones than cores. None survives a fork: the
/// child starts its own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace vecinal {

/// A thread that runs one task after the other.
class Helper {
 public:
  struct Task {
    void (*run)(void* of, unsigned number) = nullptr;
    void* of = nullptr;
    unsigned number = 0;
  };

  /// Throws std::system_error if no thread can be had.
  Helper() : thread_([this] { work(); }) {}
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper();

  /// The task before must have been run.
  void start(const Task& task);

 private:
  void work();

  std::mutex lock_;
  std::condition_variable changed_;
  Task task_;  ///< without a function: none
  bool stops_ = false;
  std::thread thread_;  // the last member: it uses the others
};

using Helpers = std::vector<std::unique_ptr<Helper>>;

/// `count` helpers for the caller alone, or fewer where the system has no more threads.
[[nodiscard]] Helpers take_helpers(std::size_t count);

/// For others to take. They must have run their tasks.
void give_back_helpers(Helpers helpers) noexcept;

}  // namespace vecinal
