// Rows and answers of a caller that are on a device: copied through pinned memory that is kept.
#include <memory>
#include <stdexcept>
#include <utility>

#include "backend/backend_library.hpp"
#include "core/concat.hpp"
#include "core/pinned_array.hpp"
#include "core/scratch_pool.hpp"
#include "vecinal/device.hpp"

namespace vecinal {
namespace {

struct Pinned final : ScratchPool::Item {
  PinnedArray<float> floats;
};

/// What is not in use: to pin memory takes longer than to copy a batch.
ScratchPool& idle() {
  static auto& pool = *new ScratchPool;  // never freed, as the backend
  return pool;
}

}  // namespace

struct HostCopy::Memory {
  Memory() : item(idle().take()) {
    if (item == nullptr) item = std::make_unique<Pinned>();
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { idle().give_back(std::move(item)); }

  [[nodiscard]] PinnedArray<float>& floats() const { return static_cast<Pinned&>(*item).floats; }

  std::unique_ptr<ScratchPool::Item> item;
};

HostCopy::HostCopy(const DeviceBatch& rows)
    : batch_{.count = rows.count, .dim = rows.dim, .offsets = rows.offsets} {
  const std::size_t stride = rows.stride == 0 ? rows.dim : rows.stride;
  if (stride < rows.dim)
    throw std::invalid_argument(
        concat("device rows: stride must be at least dim ", rows.dim, ", got ", stride));
  if (rows.count == 0 || rows.dim == 0) return;
  Backend& backend = cuda_backend();
  memory_ = std::make_unique<Memory>();
  float* to = memory_->floats().need(rows.count * rows.dim, backend).data();
  backend.copy_from(
      {rows.data, rows.count, rows.dim * sizeof(float), stride * sizeof(float), rows.stream}, to);
  batch_.data = to;
}

HostCopy::~HostCopy() = default;
HostCopy::HostCopy(HostCopy&&) noexcept = default;
HostCopy& HostCopy::operator=(HostCopy&&) noexcept = default;

void put(const Neighbors& answers, const DeviceNeighbors& to) {
  const auto copy = [&](void* device, const void* host, std::size_t bytes) {
    if (device != nullptr && bytes != 0) cuda_backend().copy_to(device, host, bytes, to.stream);
  };
  copy(to.ids, answers.ids.data(), answers.ids.size() * sizeof(Id));
  copy(to.distances, answers.distances.data(), answers.distances.size() * sizeof(float));
}

Neighbors search(const Index& index, const DeviceBatch& queries, const SearchParams& params,
                 const DeviceNeighbors& to) {
  Neighbors answers = index.search(HostCopy(queries).batch(), params);
  put(answers, to);
  return answers;
}

}  // namespace vecinal
