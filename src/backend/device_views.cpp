// Rows and answers of a caller that are on a device: copied through pinned memory that is kept.
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "backend/backend_library.hpp"
#include "backend/pinned_array.hpp"
#include "core/concat.hpp"
#include "vecinal/device.hpp"

namespace vecinal {
namespace {

using Floats = PinnedArray<float>;

/// Arrays that are not in use: to pin memory takes longer than to copy a batch.
class IdleArrays {
 public:
  [[nodiscard]] Floats take() {
    const std::lock_guard lock(lock_);
    if (idle_.empty()) return {};
    Floats array = std::move(idle_.back());
    idle_.pop_back();
    return array;
  }

  void give_back(Floats array) {
    const std::lock_guard lock(lock_);
    idle_.push_back(std::move(array));
  }

 private:
  std::mutex lock_;
  std::vector<Floats> idle_;
};

IdleArrays& idle_arrays() {
  static auto& arrays = *new IdleArrays;  // never freed, as the backend
  return arrays;
}

}  // namespace

struct HostCopy::Memory {
  Memory() : floats(idle_arrays().take()) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { idle_arrays().give_back(std::move(floats)); }

  Floats floats;
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
  float* to = memory_->floats.need(rows.count * rows.dim, backend).data();
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
