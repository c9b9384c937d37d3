/// A fixed number of values on a cache-line boundary, zero at first unless asked for unset.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace vecinal {

template <class T>
class AlignedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedArray() = default;
  explicit AlignedArray(std::size_t count) : AlignedArray(unset(count)) {
    std::fill_n(data_.get(), count, T{});
  }

  /// Values that are written before they are read. Threads that write them touch the memory first,
  /// which costs as much as the writing.
  [[nodiscard]] static AlignedArray unset(std::size_t count) {
    AlignedArray array;
    array.data_.reset(static_cast<T*>(
        ::operator new[](std::max<std::size_t>(count, 1) * sizeof(T), std::align_val_t{64})));
    return array;
  }

  [[nodiscard]] T* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  std::unique_ptr<T[], Free> data_;
};

using AlignedFloats = AlignedArray<float>;

}  // namespace vecinal
