/// An array that grows without moving under its readers.
///
/// One writer grows it; readers that took data() keep reading the values they saw. Growth commits
/// memory in place. When the reserved address space is full, the values are copied to a reservation
/// many times larger and the old one is kept until release_retired(), which the owner calls when no
/// reader is left.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/region.hpp"

namespace vecinal {

template <class T>
class GrowableArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  GrowableArray() = default;

  [[nodiscard]] T* data() const { return data_.load(std::memory_order_acquire); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T& operator[](std::size_t i) { return data()[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return data()[i]; }
  [[nodiscard]] std::span<const T> view() const { return {data(), size_}; }

  /// Memory held, in bytes: what is committed of the live reservation.
  [[nodiscard]] std::size_t bytes() const { return region_.committed(); }

  /// New values are zero bytes. Shrinking touches no memory.
  void resize(std::size_t size) {
    reserve(size);
    const std::size_t stale = std::min(size, used_);
    if (stale > size_)
      std::memset(static_cast<void*>(data() + size_), 0, (stale - size_) * sizeof(T));
    used_ = std::max(used_, size);
    size_ = size;
  }

  void resize(std::size_t size, const T& value) {
    const std::size_t old = size_;
    resize(size);
    if (size > old) std::fill_n(data() + old, size - old, value);
  }

  void push_back(const T& value) {
    resize(size_ + 1);
    data()[size_ - 1] = value;
  }

  /// Memory for `size` values, so that growing to it cannot fail.
  void reserve(std::size_t size) {
    if (size > max_size()) throw std::bad_alloc();
    const std::size_t bytes = size * sizeof(T);
    if (bytes > region_.reserved()) relocate(bytes);
    region_.commit(bytes);
  }

  /// Replaces the contents by `count` values of a file, mapped copy-on-write.
  void map(int file, std::uint64_t offset, std::size_t count) {
    Region mapped(reservation(count * sizeof(T)));
    mapped.map(file, offset, count * sizeof(T));
    adopt(std::move(mapped));
    size_ = count;
    used_ = mapped_capacity(count);
  }

  /// No reader may be running.
  void swap(GrowableArray& other) noexcept {
    std::swap(region_, other.region_);
    data_.store(other.data_.exchange(data()), std::memory_order_release);
    std::swap(size_, other.size_);
    std::swap(used_, other.used_);
    retired_.swap(other.retired_);
  }

  /// Frees reservations that were outgrown. Only when no reader that took data() earlier is
  /// running.
  void release_retired() noexcept { retired_.clear(); }
  [[nodiscard]] bool has_retired() const { return !retired_.empty(); }

 private:
  static constexpr std::size_t max_size() { return (std::size_t{1} << 46U) / sizeof(T); }

  /// Small arrays may grow a lot for little address space, of which a process has 2^47 bytes.
  static std::size_t reservation(std::size_t bytes) {
    return std::max(bytes + (std::size_t{1} << 30U), 16 * std::min(bytes, std::size_t{1} << 32U));
  }

  /// The last page of a mapping holds bytes of the file past the array.
  static std::size_t mapped_capacity(std::size_t count) {
    return count + (std::size_t{64} << 10U) / sizeof(T) + 1;
  }

  void relocate(std::size_t bytes) {
    Region larger(reservation(bytes));
    larger.commit(bytes);
    if (size_ != 0) std::memcpy(larger.data(), data(), size_ * sizeof(T));
    adopt(std::move(larger));
    used_ = size_;
  }

  void adopt(Region region) {
    if (region_.data() != nullptr) {
      retired_.push_back(std::move(region_));
    }
    region_ = std::move(region);
    data_.store(reinterpret_cast<T*>(region_.data()), std::memory_order_release);
  }

  Region region_;
  std::atomic<T*> data_{nullptr};
  std::size_t size_ = 0;
  std::size_t used_ = 0;  ///< values past size_ and below this are not zero
  std::vector<Region> retired_;
};

}  // namespace vecinal
