/// Vectors that are in the memory of a GPU, and answers that are to be there.
///
///   const vecinal::DeviceBatch batch{.data = queries, .count = n, .dim = 768, .stream = stream};
///   vecinal::search(*index, batch, {.k = 10},
///                   {.ids = ids, .distances = distances, .stream = stream});
///
/// Every other call takes a copy on the host:
///
///   index->add(vecinal::HostCopy({.data = rows, .count = n, .dim = 768}).batch());
///
/// The library for the GPU does the copies, whether the index is on the GPU or not; where it cannot
/// be opened, or fails, these throw CudaError.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "vecinal/batch.hpp"
#include "vecinal/index.hpp"

namespace vecinal {

/// Rows of float32 in device memory, as Batch has them on the host; a view.
struct DeviceBatch {
  const float* data = nullptr;
  std::size_t count = 0;   ///< rows
  std::size_t dim = 0;     ///< values of a row
  std::size_t stride = 0;  ///< floats from one row to the next, >= dim; 0 means dim
  std::span<const std::size_t> offsets = {};  ///< of sets, on the host: as in Batch

  /// The cudaStream_t whose work makes the rows; null: the default stream. They are read behind
  /// what it has been given by then.
  void* stream = nullptr;
};

/// Rows of a device, copied to the host.
class HostCopy {
 public:
  /// Returns when they are there. Throws std::invalid_argument (a stride below dim, data that is no
  /// memory of the device that this process uses), CudaError.
  explicit HostCopy(const DeviceBatch& rows);
  ~HostCopy();
  HostCopy(HostCopy&&) noexcept;
  HostCopy& operator=(HostCopy&&) noexcept;

  [[nodiscard]] const Batch& batch() const { return batch_; }

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
  Batch batch_;
};

/// Room in device memory for answers: queries x k of each, as Neighbors has them. Null: not wanted.
struct DeviceNeighbors {
  Id* ids = nullptr;
  float* distances = nullptr;

  /// The cudaStream_t behind whose work they are written; null: the default stream.
  void* stream = nullptr;
};

/// Copies answers to the device; returns when they are there. Throws std::invalid_argument (memory
/// that is not the device's), CudaError.
void put(const Neighbors& answers, const DeviceNeighbors& to);

/// Index::search() of queries on a device, with answers there; returns what it returns.
Neighbors search(const Index& index, const DeviceBatch& queries, const SearchParams& params,
                 const DeviceNeighbors& to);

}  // namespace vecinal
