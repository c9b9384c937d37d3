// How a VectorIndex builds its graph.
#include "backend/device_build.hpp"
#include "core/parallel.hpp"
#include "index/vector_index.hpp"

namespace vecinal {
namespace {

/// In the fused layout places of a row cost the same whether taken or not, so that rows are filled,
/// and keep longer links. alpha 1 for inner product: a factor on scores of either sign would prune
/// without sense.
Geometry geometry_of(const Config& config) {
  const float alpha = config.layout == Layout::fused ? 1.05F : 1.0F;
  switch (config.metric) {
    case Metric::l2:
      return {.alpha = alpha, .shift = 0.0F};
    case Metric::cosine:
      return {.alpha = alpha, .shift = 1.0F};
    case Metric::inner_product:
    case Metric::chamfer:
      break;
  }
  return {.alpha = 1.0F, .shift = 0.0F};
}

}  // namespace

BuildParams VectorIndex::build_params() const {
  return {.beam = config_.build_beam,
          .geometry = geometry_of(config_),
          .fill = config_.layout == Layout::fused ? config_.degree : 0,
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
