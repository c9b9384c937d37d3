/// Memory of the device for tests: of the card by the CUDA runtime, or of the emulation, which has
/// functions of the same names.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdlib>
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
    void* memory = nullptr;
    if (malloc_(&memory, bytes) != 0) throw std::runtime_error("cudaMalloc fails");
    return memory;
  }
  void release(void* memory) const { free_(memory); }
  void copy(void* to, const void* from, std::size_t bytes) const {
    constexpr int by_addresses = 4;  // cudaMemcpyDefault
    if (copy_(to, from, bytes, by_addresses) != 0) throw std::runtime_error("cudaMemcpy fails");
  }

 private:
  CudaMemory() {
    void* library = nullptr;
    if (cuda_device_name() == "emulation") {
      library = dlopen(std::getenv("VECINAL_CUDA_LIBRARY"), RTLD_NOW);
    } else {
      for (const char* name : {"libcudart.so", "libcudart.so.13", "libcudart.so.12"})
        if (library == nullptr) library = dlopen(name, RTLD_NOW);
    }
    if (library == nullptr) throw std::runtime_error("no library to take memory by");
    malloc_ = reinterpret_cast<int (*)(void**, std::size_t)>(dlsym(library, "cudaMalloc"));
    free_ = reinterpret_cast<int (*)(void*)>(dlsym(library, "cudaFree"));
    copy_ = reinterpret_cast<int (*)(void*, const void*, std::size_t, int)>(
        dlsym(library, "cudaMemcpy"));
  }

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
