/// Arrays side by side in one piece of device memory.
#pragma once

#include <span>

#include "runtime.hpp"

namespace vecinal::cuda {

/// First the arrays are added, then the memory is there and they have addresses.
class Layout {
 public:
  /// Where an array will lie.
  template <class T>
  struct Place {
    std::size_t at = 0;
  };

  template <class T>
  [[nodiscard]] Place<T> add(std::size_t count) {
    constexpr std::size_t alignment = 256;
    const Place<T> place{bytes_};
    bytes_ += (count * sizeof(T) + alignment - 1) / alignment * alignment;
    return place;
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// Takes memory for all of them.
  void settle(Buffer& buffer) { memory_ = static_cast<unsigned char*>(buffer.need(bytes_)); }

  template <class T>
  [[nodiscard]] T* operator[](Place<T> place) const {
    return reinterpret_cast<T*>(memory_ + place.at);
  }

  template <class T>
  void copy_in(Place<T> place, std::span<const T> from, Stream stream) const {
    if (!from.empty()) cuda::copy_in((*this)[place], from.data(), from.size_bytes(), stream);
  }

 private:
  std::size_t bytes_ = 0;
  unsigned char* memory_ = nullptr;
};

}  // namespace vecinal::cuda
