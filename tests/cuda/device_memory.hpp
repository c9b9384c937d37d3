/// Memory of the device for tests: of the card by the CUDA runtime, or of the emulation, which has
/// functions of the same names.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdlib>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
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
    if (copy_(to, from, bytes, by_addresses) != 0) throw std::runtime_error("cudaMemcpy fails");
  }
  /// Begins to, behind the work of a stream.
  void begin_copy(void* to, const void* from, std::size_t bytes, void* stream) const {
    if (begin_copy_(to, from, bytes, by_addresses, stream) != 0)
      throw std::runtime_error("cudaMemcpyAsync fails");
  }
  [[nodiscard]] void* make_stream() const {
    void* stream = nullptr;
    if (make_stream_(&stream) != 0) throw std::runtime_error("cudaStreamCreate fails");
    return stream;
  }
  void drop_stream(void* stream) const { drop_stream_(stream); }

  /// Bytes of all copies between host and device, which the emulation counts.
  [[nodiscard]] std::size_t copied() const { return copied_(); }

 private:
  static constexpr int by_addresses = 4;  // cudaMemcpyDefault

  CudaMemory() {
    void* library = nullptr;
    if (cuda_device_name() == "emulation") {
      library = dlopen(std::getenv("VECINAL_CUDA_LIBRARY"), RTLD_NOW);
    } else {
      for (const char* name : {"libcudart.so", "libcudart.so.13", "libcudart.so.12"})
        if (library == nullptr) library = dlopen(name, RTLD_NOW);
    }
    if (library == nullptr) throw std::runtime_error("no library to take memory by");
    const auto find = [&]<class Function>(Function*& function, const char* name) {
      function = reinterpret_cast<Function*>(dlsym(library, name));
      if (function == nullptr) throw std::runtime_error(std::string("there is no ") + name);
    };
    find(malloc_, "cudaMalloc");
    find(free_, "cudaFree");
    find(copy_, "cudaMemcpy");
    find(begin_copy_, "cudaMemcpyAsync");
    find(make_stream_, "cudaStreamCreate");
    find(drop_stream_, "cudaStreamDestroy");
    if (cuda_device_name() == "emulation") find(copied_, "emulation_copied");
  }

  int (*malloc_)(void**, std::size_t) = nullptr;
  int (*free_)(void*) = nullptr;
  int (*copy_)(void*, const void*, std::size_t, int) = nullptr;
  int (*begin_copy_)(void*, const void*, std::size_t, int, void*) = nullptr;
  int (*make_stream_)(void**) = nullptr;
  int (*drop_stream_)(void*) = nullptr;
  std::size_t (*copied_)() = nullptr;
};

/// An environment variable that bounds the memory of the emulated device until the end of the
/// scope: of an allocation, or of all of them together.
class LittleMemory {
 public:
  enum Of { each, all };
  explicit LittleMemory(std::size_t bytes, Of of = each)
      : name_(of == each ? "VECINAL_EMULATION_MEMORY" : "VECINAL_EMULATION_CARD") {
    setenv(name_, std::to_string(bytes).c_str(), 1);
  }
  LittleMemory(const LittleMemory&) = delete;
  LittleMemory& operator=(const LittleMemory&) = delete;
  ~LittleMemory() { unsetenv(name_); }

 private:
  const char* name_;
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

/// A stream of a caller that has work under way: it fills an array.
template <class T>
class BusyStream {
 public:
  BusyStream(const DeviceArray<T>& to, std::vector<T> from)
      : from_(std::move(from)), stream_(CudaMemory::get().make_stream()) {
    CudaMemory::get().begin_copy(to.data(), from_.data(), from_.size() * sizeof(T), stream_);
  }
  BusyStream(const BusyStream&) = delete;
  BusyStream& operator=(const BusyStream&) = delete;
  ~BusyStream() { CudaMemory::get().drop_stream(stream_); }

  [[nodiscard]] void* get() const { return stream_; }

 private:
  std::vector<T> from_;
  void* stream_;
};

}  // namespace vecinal::test
