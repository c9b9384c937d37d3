/// What kernels and their launchers need of CUDA, and the same of the emulation (tests/cuda) where
/// no CUDA compiler is at work. Memory, streams and launches; every failure is a CudaError.
#pragma once

#ifdef __CUDACC__
#include <cuda_runtime.h>
#else
#include "emulation/emulation.hpp"
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "vecinal/error.hpp"

namespace vecinal::cuda {

inline constexpr unsigned warp_size = 32;
inline constexpr unsigned all_lanes = 0xFFFFFFFFU;

/// A queue of work on the device: an opaque cudaStream_t.
using Stream = void*;

struct Grid {
  dim3 blocks;
  unsigned threads = 0;    ///< of a block; whole warps
  std::size_t shared = 0;  ///< bytes of a block
};

/// runtime_cuda.cu and emulation/runtime.cpp.
struct DeviceInfo {
  const char* name = "";
  unsigned multiprocessors = 1;
  std::size_t shared_bytes = 0;  ///< that a block may have
};
[[nodiscard]] const DeviceInfo& device_info();
void require_device();  ///< throws CudaError saying what is missing

/// Makes the device that this library uses, the one that was current when it was opened, the
/// calling thread's, and the one before again at its end. Memory, streams and launches need one.
class DeviceScope {
 public:
  DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;
  ~DeviceScope();

 private:
  int before_ = 0;
};

/// Throws DeviceMemoryError naming bytes asked and free.
[[nodiscard]] void* allocate(std::size_t bytes);
void release(void* memory) noexcept;
/// Throws std::invalid_argument if it is not in memory of the device that this process uses.
void require_device_memory(const void* memory);
/// Host memory that copies need not stage: pinned.
[[nodiscard]] void* allocate_pinned(std::size_t bytes);
void release_pinned(void* memory) noexcept;
[[nodiscard]] Stream make_stream();
void drop_stream(Stream stream) noexcept;
void synchronize(Stream stream);
void copy_in(void* to, const void* from, std::size_t bytes, Stream stream);
void copy_out(void* to, const void* from, std::size_t bytes, Stream stream);
void copy_within(void* to, const void* from, std::size_t bytes, Stream stream);
/// rows of `width` bytes, `to_pitch` and `from_pitch` apart.
struct Pitched {
  std::size_t to_pitch = 0;
  std::size_t from_pitch = 0;
  std::size_t width = 0;
  std::size_t rows = 0;
};
void copy_rows_in(void* to, const void* from, const Pitched& shape, Stream stream);
void copy_rows_out(void* to, const void* from, const Pitched& shape, Stream stream);
void copy_rows_within(void* to, const void* from, const Pitched& shape, Stream stream);
void fill_bytes(void* to, int value, std::size_t bytes, Stream stream);
/// Lets a kernel use shared memory, at least so much; checks the last launch.
void allow_shared(const void* kernel, std::size_t bytes);
void check_launch(const char* kernel);
/// Blocks of a kernel, with `threads` threads and so much shared memory, that a multiprocessor runs
/// at once.
[[nodiscard]] unsigned resident_blocks(const void* kernel, unsigned threads, std::size_t shared);

/// Dynamic shared memory of the block, 16-byte aligned.
__device__ inline unsigned char* shared_memory() {
#ifdef __CUDACC__
  extern __shared__ __align__(16) unsigned char vecinal_shared[];
  return vecinal_shared;
#else
  return emulation::shared();
#endif
}

/// What other blocks may change atomically at this moment.
__device__ inline unsigned read_changing(const unsigned* from) {
#ifdef __CUDACC__
  unsigned value = 0;
  asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(from) : "memory");
  return value;
#else
  return emulation::read_atomically(from);
#endif
}

#ifndef __CUDACC__
void start(const emulation::Launch& launch, Stream stream);
#endif

/// Blocks of that shape that the device runs at once.
template <class... Parameters>
[[nodiscard]] unsigned blocks_at_once(void (*kernel)(Parameters...), const Grid& grid) {
  return device_info().multiprocessors *
         resident_blocks(reinterpret_cast<const void*>(kernel), grid.threads, grid.shared);
}

/// Starts a kernel.
template <class... Parameters>
void launch(const char* name, void (*kernel)(Parameters...), const Grid& grid, Stream stream,
            std::type_identity_t<Parameters>... arguments) {
#ifdef __CUDACC__
  allow_shared(reinterpret_cast<const void*>(kernel), grid.shared);
  kernel<<<grid.blocks, grid.threads, grid.shared, static_cast<cudaStream_t>(stream)>>>(
      arguments...);
  check_launch(name);
#else
  start({name, grid.blocks, {grid.threads, 1, 1}, grid.shared, emulation::call_of([=] {
           kernel(arguments...);
         })},
        stream);
#endif
}

/// Memory that grows, by halves where there is room for so much, and never shrinks.
template <void* (*take)(std::size_t), void (*give_back)(void*) noexcept>
class GrowingMemory {
 public:
  GrowingMemory() = default;
  GrowingMemory(const GrowingMemory&) = delete;
  GrowingMemory& operator=(const GrowingMemory&) = delete;
  ~GrowingMemory() { give_back(memory_); }

  /// At least so many bytes; what was there is lost where it grows.
  void* need(std::size_t bytes) {
    if (bytes > bytes_) {
      std::size_t larger = grown(bytes);
      give_back(memory_);
      memory_ = nullptr;
      bytes_ = 0;
      memory_ = take_up_to(larger, bytes);
      bytes_ = larger;
    }
    return memory_;
  }

  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(memory_);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 protected:
  [[nodiscard]] std::size_t grown(std::size_t bytes) const {
    return bytes > bytes_ + bytes_ / 2 ? bytes : bytes_ + bytes_ / 2;
  }

  /// `wanted` bytes, or `least` where there is no room for so many; says how many.
  static void* take_up_to(std::size_t& wanted, std::size_t least) {
    if (wanted == least) return take(least);
    try {
      return take(wanted);
    } catch (const CudaError&) {
      wanted = least;
      return take(least);
    }
  }

  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

using PinnedBuffer = GrowingMemory<allocate_pinned, release_pinned>;  ///< of the host

/// Device memory, which may keep its contents.
class Buffer : public GrowingMemory<allocate, release> {
 public:
  /// As need(), but the first `kept` bytes stay.
  void* grow(std::size_t bytes, std::size_t kept, Stream stream) {
    if (bytes <= bytes_) return memory_;
    std::size_t larger = grown(bytes);
    void* memory = take_up_to(larger, bytes);
    // Rows have gaps that nobody writes, and the kept part is copied whole.
    fill_bytes(static_cast<unsigned char*>(memory) + kept, 0, larger - kept, stream);
    if (kept != 0) copy_within(memory, memory_, kept, stream);
    synchronize(stream);
    release(memory_);
    memory_ = memory;
    bytes_ = larger;
    return memory_;
  }
};

}  // namespace vecinal::cuda
