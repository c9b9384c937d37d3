#include "streams.hpp"

#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace emulation {
namespace {

class Queue {
 public:
  void put(std::function<void()> work) {
    const std::lock_guard guard(lock_);
    work_.push_back(std::move(work));
  }

  /// One at a time does the work of a queue.
  void run() noexcept {
    const std::lock_guard running(running_);
    while (std::function<void()> work = next()) try {
        work();
      } catch (...) {
        fault_ = std::current_exception();
        const std::lock_guard guard(lock_);
        work_.clear();
      }
  }

  void run_and_throw() {
    run();
    const std::lock_guard running(running_);
    if (const std::exception_ptr fault = std::exchange(fault_, nullptr))
      std::rethrow_exception(fault);
  }

 private:
  std::function<void()> next() {
    const std::lock_guard guard(lock_);
    if (work_.empty()) return {};
    std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    return work;
  }

  std::mutex lock_;
  std::mutex running_;
  std::deque<std::function<void()>> work_;
  std::exception_ptr fault_;
};

/// All streams by their handles.
class Streams {
 public:
  std::shared_ptr<Queue> operator[](void* stream) {
    const std::lock_guard guard(lock_);
    std::shared_ptr<Queue>& queue = queues_[stream];
    if (queue == nullptr) queue = std::make_shared<Queue>();
    return queue;
  }
  void erase(void* stream) {
    const std::lock_guard guard(lock_);
    queues_.erase(stream);
  }
  std::vector<std::shared_ptr<Queue>> all() {
    const std::lock_guard guard(lock_);
    std::vector<std::shared_ptr<Queue>> queues;
    for (const auto& [stream, queue] : queues_) queues.push_back(queue);
    return queues;
  }

 private:
  std::mutex lock_;
  std::unordered_map<void*, std::shared_ptr<Queue>> queues_;
};

Streams& streams() {
  static auto* made = new Streams;  // never freed: lanes may outlive static objects
  return *made;
}

}  // namespace

void* make_stream() { return new char; }

void drop_stream(void* stream) noexcept {
  streams()[stream]->run();  // as cudaStreamDestroy() lets it end
  streams().erase(stream);
  delete static_cast<char*>(stream);
}

void enqueue(void* stream, std::function<void()> work) { streams()[stream]->put(std::move(work)); }
void wait_for(void* stream) { streams()[stream]->run_and_throw(); }

void wait_for_all() noexcept {
  for (const std::shared_ptr<Queue>& queue : streams().all()) queue->run();
}

}  // namespace emulation
