// How a VectorIndex builds its graph.
#include "backend/device_build.hpp"
#include "core/parallel.hpp"
#include "index/geometry.hpp"
#include "index/vector_index.hpp"

namespace vecinal {
BuildParams VectorIndex::build_params() const {
  return {.beam = config_.build_beam,
          .geometry = geometry_of(config()),
          .fill = config().layout == Layout::fused ? config_.degree : 0,
          .slack = config_.degree / 8,
          .seed = config_.seed,
          .threads = resolve_threads(config_.threads),
          .free = free_.size()};
}

std::unique_ptr<BuildDevice> VectorIndex::build_device(const BuildParams& params,
                                                       std::size_t count) const {
  constexpr std::size_t least_items = 1024;  // of fewer, most go in batches too small for a device
  if (mirror_ == nullptr || count < least_items) return nullptr;
  const DeviceRows& rows = mirror_->put_walked(*rows_, rows_->size(), rewrites_);
  auto device = std::make_unique<DeviceBuild>(mirror_->backend(), rows, config_.degree, params);
  return device->possible() ? std::move(device) : nullptr;
}

}  // namespace vecinal
