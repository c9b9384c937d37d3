// How a VectorIndex builds its graph.
#include "backend/device_build.hpp"
#include "core/parallel.hpp"
#include "index/build_codes.hpp"
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

std::unique_ptr<const Rows> VectorIndex::walk_codes(std::span<const Slot> inserted,
                                                    std::size_t first) const {
  const std::size_t bytes = build_code_bytes(*rows_, inserted.size(), rows_->size());
  const std::size_t limit = config_.memory_limit;
  if (bytes == 0 || (limit != 0 && bytes > limit - std::min(limit, bytes_with(0)))) return nullptr;
  std::vector<Slot> slots;
  for (const auto& [slot, kept] : nodes_with(inserted, first)) slots.push_back(slot);
  for (const Slot slot : inserted)
    if (slot >= first) slots.push_back(slot);
  return build_codes(config_, *rows_, slots);
}

}  // namespace vecinal
