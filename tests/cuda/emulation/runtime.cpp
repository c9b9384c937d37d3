// cuda/runtime.hpp where the device is the CPU.
#include "runtime.hpp"

#include <cstdlib>
#include <stdexcept>

#include "memory.hpp"
#include "streams.hpp"
#include "vecinal/error.hpp"

namespace vecinal::cuda {

const DeviceInfo& device_info() {
  // As an H100 has, so that tests meet the limits of a real card.
  static const DeviceInfo info{"emulation", 5, std::size_t{227} << 10U};
  return info;
}

void require_device() {
  if (std::getenv("VECINAL_EMULATION_NO_DEVICE") != nullptr)
    throw CudaError("no CUDA device can be used: none is emulated");
}

void* allocate(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  // Real memory ends: VECINAL_EMULATION_MEMORY bounds one allocation, in bytes.
  const char* most = std::getenv("VECINAL_EMULATION_MEMORY");
  void* memory = nullptr;
  if (most == nullptr || bytes <= std::strtoull(most, nullptr, 10))
    memory = emulation::allocate(emulation::device_memory(), bytes);
  if (memory == nullptr)
    throw DeviceMemoryError("out of device memory: " + std::to_string(bytes) + " bytes asked");
  return memory;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  emulation::wait_for_all();
  emulation::release(emulation::device_memory(), memory);
}

void require_device_memory(const void* memory) {
  if (memory == nullptr)
    throw std::invalid_argument("cuda: an array of the device was expected, got none");
}

void* allocate_pinned(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = emulation::allocate(emulation::pinned_memory(), bytes);
  if (memory == nullptr) throw CudaError("cudaMallocHost: out of memory");
  return memory;
}

void release_pinned(void* memory) noexcept {
  if (memory == nullptr) return;
  emulation::wait_for_all();
  emulation::release(emulation::pinned_memory(), memory);
}

Stream make_stream() { return emulation::make_stream(); }
void drop_stream(Stream stream) noexcept { emulation::drop_stream(stream); }

void synchronize(Stream stream) {
  emulation::wait_for(stream);
  emulation::throw_reported();
}

namespace {

void copy(void* to, const void* from, std::size_t bytes, Stream stream) {
  emulation::enqueue(stream, [=] {
    emulation::host_reads(from, bytes);
    emulation::host_writes(to, bytes);
    std::memcpy(to, from, bytes);
  });
}

void copy_rows(void* to, const void* from, const Pitched& shape, Stream stream) {
  for (std::size_t i = 0; i < shape.rows; ++i)
    copy(static_cast<std::byte*>(to) + i * shape.to_pitch,
         static_cast<const std::byte*>(from) + i * shape.from_pitch, shape.width, stream);
}

}  // namespace

void copy_in(void* to, const void* from, std::size_t bytes, Stream stream) {
  copy(to, from, bytes, stream);
}
void copy_out(void* to, const void* from, std::size_t bytes, Stream stream) {
  copy(to, from, bytes, stream);
}
void copy_within(void* to, const void* from, std::size_t bytes, Stream stream) {
  emulation::enqueue(stream, [=] {
    emulation::copies_states(to, from, bytes);
    std::memcpy(to, from, bytes);
  });
}
void copy_rows_in(void* to, const void* from, const Pitched& shape, Stream stream) {
  copy_rows(to, from, shape, stream);
}
void copy_rows_out(void* to, const void* from, const Pitched& shape, Stream stream) {
  copy_rows(to, from, shape, stream);
}
void copy_rows_within(void* to, const void* from, const Pitched& shape, Stream stream) {
  copy_rows(to, from, shape, stream);
}

unsigned resident_blocks(const void*, unsigned threads, std::size_t) { return 1024 / threads; }

void fill_bytes(void* to, int value, std::size_t bytes, Stream stream) {
  emulation::enqueue(stream, [=] {
    emulation::host_writes(to, bytes);
    std::memset(to, value, bytes);
  });
}

}  // namespace vecinal::cuda

// Memory for tests, by the names that a CUDA runtime has for it.
extern "C" {

__attribute__((visibility("default"))) int cudaMalloc(void** memory, std::size_t bytes) {
  *memory = emulation::allocate(emulation::device_memory(), bytes);
  return *memory == nullptr ? 2 : 0;  // cudaErrorMemoryAllocation
}
__attribute__((visibility("default"))) int cudaFree(void* memory) {
  vecinal::cuda::release(memory);
  return 0;
}
__attribute__((visibility("default"))) int cudaMemcpy(void* to, const void* from, std::size_t bytes,
                                                      int) {
  emulation::wait_for(nullptr);
  emulation::host_reads(from, bytes);
  emulation::host_writes(to, bytes);
  if (bytes != 0) std::memcpy(to, from, bytes);
  return 0;
}

}  // extern "C"
