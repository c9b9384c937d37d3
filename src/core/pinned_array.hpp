/// Host memory that a device reads and writes by itself, without a copy in between.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

namespace vecinal {

/// An array that grows and never shrinks; what was in it is lost where it grows.
template <class T>
class PinnedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// Room for `count` of them, with what was there before or with nothing in particular. device:
  /// has pinned(), which gives a shared_ptr<std::byte> of so many bytes.
  template <class Device>
  std::span<T> need(std::size_t count, Device& device) {
    if (count > capacity_) {
      const std::size_t room = std::max(count, capacity_ + capacity_ / 2);
      capacity_ = 0;
      memory_ = nullptr;
      memory_ = device.pinned(room * sizeof(T));
      capacity_ = room;
    }
    return {data(), count};
  }

  [[nodiscard]] T* data() const { return reinterpret_cast<T*>(memory_.get()); }

 private:
  std::shared_ptr<std::byte> memory_;
  std::size_t capacity_ = 0;
};

}  // namespace vecinal
