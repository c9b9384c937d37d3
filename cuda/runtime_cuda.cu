// cuda/runtime.hpp by the CUDA runtime.
#include <stdexcept>
#include <string>

#include "runtime.hpp"
#include "vecinal/error.hpp"

namespace vecinal::cuda {
namespace {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // failures that do not stay are forgotten
  throw CudaError(std::string(what) + ": " + cudaGetErrorString(status));
}

int current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  return device;
}

/// The one of the first call.
int own_device() {
  static const int device = current_device();
  return device;
}

DeviceInfo read_info() {
  static cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, own_device()), "cudaGetDeviceProperties");
  return {properties.name, static_cast<unsigned>(properties.multiProcessorCount),
          properties.sharedMemPerBlockOptin};
}

cudaStream_t of(Stream stream) { return static_cast<cudaStream_t>(stream); }

}  // namespace

void require_device() {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  static_cast<void>(cudaGetLastError());
  if (status != cudaSuccess)
    throw CudaError(std::string("no CUDA device can be used: ") + cudaGetErrorString(status));
  if (devices == 0) throw CudaError("no CUDA device can be used: there is none");
  static_cast<void>(own_device());
}

DeviceScope::DeviceScope() : before_(current_device()) {
  if (before_ != own_device()) check(cudaSetDevice(own_device()), "cudaSetDevice");
}

DeviceScope::~DeviceScope() {
  if (before_ != own_device()) static_cast<void>(cudaSetDevice(before_));
}

const DeviceInfo& device_info() {
  static const DeviceInfo info = read_info();
  return info;
}

void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  if (bytes == 0) return memory;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    std::size_t unused = 0;
    std::size_t total = 0;
    static_cast<void>(cudaMemGetInfo(&unused, &total));
    throw DeviceMemoryError("out of device memory: " + std::to_string(bytes) + " bytes asked, " +
                            std::to_string(unused) + " of " + std::to_string(total) + " free");
  }
  check(status, "cudaMalloc");
  return memory;
}

void release(void* memory) noexcept { static_cast<void>(cudaFree(memory)); }

void require_device_memory(const void* memory) {
  cudaPointerAttributes found{};
  const int device = own_device();
  check(cudaPointerGetAttributes(&found, memory), "cudaPointerGetAttributes");
  if (found.type == cudaMemoryTypeManaged) return;
  if (found.type != cudaMemoryTypeDevice)
    throw std::invalid_argument("cuda: an array of the device was expected, got one of the host");
  if (found.device != device)
    throw std::invalid_argument("cuda: an array of device " + std::to_string(device) +
                                " was expected, got one of device " + std::to_string(found.device));
}

void* allocate_pinned(std::size_t bytes) {
  void* memory = nullptr;
  if (bytes != 0) check(cudaMallocHost(&memory, bytes), "cudaMallocHost");
  return memory;
}

void release_pinned(void* memory) noexcept { static_cast<void>(cudaFreeHost(memory)); }

Stream make_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return stream;
}

void drop_stream(Stream stream) noexcept { static_cast<void>(cudaStreamDestroy(of(stream))); }

void synchronize(Stream stream) {
  check(cudaStreamSynchronize(of(stream)), "cudaStreamSynchronize");
}

void copy_in(void* to, const void* from, std::size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, of(stream)), "copy to the device");
}

void copy_out(void* to, const void* from, std::size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, of(stream)),
        "copy from the device");
}

void copy_within(void* to, const void* from, std::size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, of(stream)),
        "copy on the device");
}

void copy_rows_in(void* to, const void* from, const Pitched& shape, Stream stream) {
  check(cudaMemcpy2DAsync(to, shape.to_pitch, from, shape.from_pitch, shape.width, shape.rows,
                          cudaMemcpyHostToDevice, of(stream)),
        "copy to the device");
}

void copy_rows_out(void* to, const void* from, const Pitched& shape, Stream stream) {
  check(cudaMemcpy2DAsync(to, shape.to_pitch, from, shape.from_pitch, shape.width, shape.rows,
                          cudaMemcpyDeviceToHost, of(stream)),
        "copy from the device");
}

void copy_rows_within(void* to, const void* from, const Pitched& shape, Stream stream) {
  check(cudaMemcpy2DAsync(to, shape.to_pitch, from, shape.from_pitch, shape.width, shape.rows,
                          cudaMemcpyDeviceToDevice, of(stream)),
        "copy on the device");
}

void fill_bytes(void* to, int value, std::size_t bytes, Stream stream) {
  check(cudaMemsetAsync(to, value, bytes, of(stream)), "cudaMemsetAsync");
}

void allow_shared(const void* kernel, std::size_t bytes) {
  if (bytes <= std::size_t{48} << 10U) return;  // every kernel may have so much
  // All that there is, as it is the kernel's, which other threads may launch with more right now.
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(device_info().shared_bytes)),
        "shared memory of a kernel");
}

void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

unsigned resident_blocks(const void* kernel, unsigned threads, std::size_t shared) {
  allow_shared(kernel, shared);
  int blocks = 0;
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, static_cast<int>(threads),
                                                      shared),
        "blocks of a kernel");
  return static_cast<unsigned>(blocks);
}

}  // namespace vecinal::cuda
