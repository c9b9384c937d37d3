// cuda/runtime.hpp where the device is the CPU: device memory is memory, and a stream has always
// done all of its work.
#include "runtime.hpp"

#include <cstdlib>
#include <stdexcept>

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
  // Real memory ends: VECINAL_EMULATION_MEMORY bounds one allocation, in bytes.
  const char* most = std::getenv("VECINAL_EMULATION_MEMORY");
  void* memory = nullptr;
  if (most == nullptr || bytes <= std::strtoull(most, nullptr, 10))
    memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (memory == nullptr)
    throw DeviceMemoryError("out of device memory: " + std::to_string(bytes) + " bytes asked");
  return memory;
}

void release(void* memory) noexcept { std::free(memory); }
void require_device_memory(const void* memory) {
  if (memory == nullptr)
    throw std::invalid_argument("cuda: an array of the device was expected, got none");
}
void* allocate_pinned(std::size_t bytes) { return std::aligned_alloc(64, (bytes + 63) / 64 * 64); }
void release_pinned(void* memory) noexcept { std::free(memory); }
Stream make_stream() { return nullptr; }
void drop_stream(Stream) noexcept {}
void synchronize(Stream) {}
void copy_in(void* to, const void* from, std::size_t bytes, Stream) {
  if (bytes != 0) std::memcpy(to, from, bytes);
}
void copy_out(void* to, const void* from, std::size_t bytes, Stream stream) {
  copy_in(to, from, bytes, stream);
}
void copy_within(void* to, const void* from, std::size_t bytes, Stream stream) {
  copy_in(to, from, bytes, stream);
}
void copy_rows_in(void* to, const void* from, const Pitched& shape, Stream) {
  for (std::size_t i = 0; i < shape.rows; ++i)
    std::memcpy(static_cast<std::byte*>(to) + i * shape.to_pitch,
                static_cast<const std::byte*>(from) + i * shape.from_pitch, shape.width);
}
void copy_rows_out(void* to, const void* from, const Pitched& shape, Stream stream) {
  copy_rows_in(to, from, shape, stream);
}
void copy_rows_within(void* to, const void* from, const Pitched& shape, Stream stream) {
  copy_rows_in(to, from, shape, stream);
}
unsigned resident_blocks(const void*, unsigned threads, std::size_t) { return 1024 / threads; }
void fill_bytes(void* to, int value, std::size_t bytes, Stream) { std::memset(to, value, bytes); }

}  // namespace vecinal::cuda
