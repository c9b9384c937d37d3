/// Fixed-dimensional encodings (vecinal/fde.hpp) of sets that are in the memory of a GPU, made and
/// left there.
///
///   const vecinal::DeviceFdeEncoder on_device(encoder);
///   on_device.encode_documents(
///       {.data = tokens, .count = n, .dim = 128, .offsets = offsets, .stream = stream}, codes);
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "vecinal/device.hpp"
#include "vecinal/fde.hpp"

namespace vecinal {

class DeviceFdeEncoder {
 public:
  /// Brings to the device what the encoder has drawn, and its mean; what it learns later is not
  /// seen. Throws CudaError.
  explicit DeviceFdeEncoder(const FdeEncoder& encoder);
  ~DeviceFdeEncoder();
  DeviceFdeEncoder(DeviceFdeEncoder&&) noexcept;
  DeviceFdeEncoder& operator=(DeviceFdeEncoder&&) noexcept;

  /// Values of an encoding.
  [[nodiscard]] std::size_t encoded_dim() const;

  /// out: count x encoded_dim floats in device memory. Returns when they are there: the values of
  /// FdeEncoder to the bit, but for dense projections, which differ by the rounding of sums on CPUs
  /// that do not fuse multiply-adds. From any number of threads. Throws std::invalid_argument (what
  /// FdeEncoder refuses, when part of out may be written already; memory that is not the device's),
  /// CudaError.
  void encode_documents(const DeviceBatch& documents, std::span<float> out) const;
  void encode_queries(const DeviceBatch& queries, std::span<float> out) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecinal
