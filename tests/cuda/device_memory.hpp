/// Memory of the device for tests: of the card by the CUDA runtime, or what the emulation takes for
/// it.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

#include "vecinal/index.hpp"

namespace vecinal::test {

/// cudaMalloc and its like; the library is opened, so that tests link without it.
class CudaMemory {
 public:
  static const CudaMemory& get() {
    static const CudaMemory made;
    return made;
  }

  [[nodiscard]] void* allocate(std::size_t bytes) const {
    if (emulated_) return std::calloc(bytes, 1);
    void* memory = nullptr;
    if (malloc_(&memory, bytes) != 0) throw std::runtime_error("cudaMalloc fails");
    return memory;
  }
  void release(void* memory) const {
    if (emulated_) return std::free(memory);
    free_(memory);
  }
  void copy(void* to, const void* from, std::size_t bytes) const {
    if (emulated_) {
      if (bytes != 0) std::memcpy(to, from, bytes);
      return;
    }
    constexpr int by_addresses = 4;  // cudaMemcpyDefault
    if (copy_(to, from, bytes, by_addresses) != 0) throw std::runtime_error("cudaMemcpy fails");
  }

 private:
  CudaMemory() : emulated_(cuda_device_name() == "emulation") {
    if (emulated_) return;
    void* library = nullptr;
    for (const char* name : {"libcudart.so", "libcudart.so.13", "libcudart.so.12"})
      if (library == nullptr) library = dlopen(name, RTLD_NOW);
    if (library == nullptr) throw std::runtime_error("no libcudart.so to take memory by");
    malloc_ = reinterpret_cast<int (*)(void**, std::size_t)>(dlsym(library, "cudaMalloc"));
    free_ = reinterpret_cast<int (*)(void*)>(dlsym(library, "cudaFree"));
    copy_ = reinterpret_cast<int (*)(void*, const void*, std::size_t, int)>(
        dlsym(library, "cudaMemcpy"));
  }

  bool emulated_;
  int (*malloc_)(void**, std::size_t) = nullptr;
  int (*free_)(void*) = nullptr;
  int (*copy_)(void*, const void*, std::size_t, int) = nullptr;
};

/// An array on the device.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count)
      : count_(count), data_(static_cast<T*>(CudaMemory::get().allocate(count * sizeof(T)))) {}
  explicit DeviceArray(std::span<const T> from) : DeviceArray(from.size()) {
    CudaMemory::get().copy(data_, from.data(), from.size_bytes());
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { CudaMemory::get().release(data_); }

  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::vector<T> on_host() const {
    std::vector<T> copy(count_);
    CudaMemory::get().copy(copy.data(), data_, count_ * sizeof(T));
    return copy;
  }

 private:
  std::size_t count_;
  T* data_;
};

}  // namespace vecinal::test
