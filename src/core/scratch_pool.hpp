/// Scratch memory that outlives a call, so that the next one need not allocate it again.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace vecinal {

class ScratchPool {
 public:
  struct Item {
    virtual ~Item() = default;
  };

  /// What was given back last; null if there is nothing.
  [[nodiscard]] std::unique_ptr<Item> take() {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return nullptr;
    std::unique_ptr<Item> item = std::move(items_.back());
    items_.pop_back();
    return item;
  }

  void give_back(std::unique_ptr<Item> item) {
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Item>> items_;
};

}  // namespace vecinal
