// cuda/runtime.hpp where the device is the CPU.
#include "runtime.hpp"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <stdexcept>

#include "block_memory.hpp"
#include "streams.hpp"
#include "vecinal/error.hpp"

namespace vecinal::cuda {

const DeviceInfo& device_info() {
  static const DeviceInfo info{"emulation", 5, emulation::most_shared_bytes};
  return info;
}

void require_device() {
  if (std::getenv("VECINAL_EMULATION_NO_DEVICE") != nullptr)
    throw CudaError("no CUDA device can be used: none is emulated");
}

namespace {

std::size_t limit(const char* variable) {
  const char* bytes = std::getenv(variable);
  return bytes == nullptr ? std::numeric_limits<std::size_t>::max()
                          : std::strtoull(bytes, nullptr, 10);
}

thread_local unsigned scopes = 0;

/// What a thread does whose device may be another one fails on a machine that has several.
void require_scope(const char* what) {
  if (scopes == 0) emulation::report(std::string(what) + " outside of a DeviceScope");
}

}  // namespace

DeviceScope::DeviceScope() { ++scopes; }
DeviceScope::~DeviceScope() { --scopes; }

void* allocate(std::size_t bytes) {
  require_scope("memory is taken");
  if (bytes == 0) return nullptr;
  // Real memory ends: VECINAL_EMULATION_MEMORY bounds one allocation, in bytes,
  // VECINAL_EMULATION_CARD all of them.
  void* memory = nullptr;
  if (bytes <= limit("VECINAL_EMULATION_MEMORY") &&
      emulation::allocated(emulation::device_memory()) + bytes <= limit("VECINAL_EMULATION_CARD"))
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

Stream make_stream() {
  require_scope("a stream is made");
  return emulation::make_stream();
}
void start(const emulation::Launch& launch, Stream stream) {
  require_scope("a kernel starts");
  emulation::launch(stream, launch);
}
void drop_stream(Stream stream) noexcept { emulation::drop_stream(stream); }

void synchronize(Stream stream) {
  emulation::wait_for(stream);
  emulation::throw_reported();
}

namespace {

std::atomic<std::size_t> copied{0};

void copy(void* to, const void* from, std::size_t bytes, Stream stream) {
  copied += bytes;
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

// What tests use besides, by the names that a CUDA runtime has for it. They return 0, or what is
// cudaErrorMemoryAllocation there.
#define VECINAL_EXPORTED extern "C" __attribute__((visibility("default")))

/// Bytes of all copies between host and device that the library has begun.
VECINAL_EXPORTED std::size_t emulation_copied() { return vecinal::cuda::copied; }

VECINAL_EXPORTED int cudaMalloc(void** memory, std::size_t bytes) {
  *memory = emulation::allocate(emulation::device_memory(), bytes);
  return *memory == nullptr ? 2 : 0;
}
VECINAL_EXPORTED int cudaFree(void* memory) {
  vecinal::cuda::release(memory);
  return 0;
}
VECINAL_EXPORTED int cudaStreamCreate(void** stream) {
  *stream = emulation::make_stream();
  return 0;
}
VECINAL_EXPORTED int cudaStreamDestroy(void* stream) {
  emulation::drop_stream(stream);
  return 0;
}
VECINAL_EXPORTED int cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, int,
                                     void* stream) {
  if (bytes != 0) vecinal::cuda::copy_in(to, from, bytes, stream);
  return 0;
}
VECINAL_EXPORTED int cudaMemcpy(void* to, const void* from, std::size_t bytes, int kind) {
  cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  emulation::wait_for(nullptr);
  return 0;
}
