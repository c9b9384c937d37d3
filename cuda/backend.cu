#include "backend.hpp"

#include <algorithm>

#include "norms.hpp"
#include "search_work.hpp"

#define VECINAL_EXPORT __attribute__((visibility("default")))

namespace vecinal::cuda {
namespace {

std::size_t rounded_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

/// Lanes that score a row together: each has about four reads of 16 bytes in flight.
std::uint32_t team_of(std::size_t bytes) {
  std::uint32_t team = 4;
  while (team < warp_size && team * 64 < bytes) team *= 2;
  return team;
}

}  // namespace

LanePool::Lease LanePool::take() {
  {
    const std::lock_guard lock(lock_);
    if (!idle_.empty()) {
      std::unique_ptr<Lane> lane = std::move(idle_.back());
      idle_.pop_back();
      return {*this, std::move(lane)};
    }
  }
  return {*this, std::make_unique<Lane>()};
}

void LanePool::clear() {
  const std::lock_guard lock(lock_);
  idle_.clear();
}

void LanePool::give_back(std::unique_ptr<Lane> lane) {
  const std::lock_guard lock(lock_);
  idle_.push_back(std::move(lane));
}

CudaRows::CudaRows(const DeviceRowFormat& format, const CudaRows* base)
    : format_(format),
      base_(base),
      codes_(format.type != kernels::RowType::f32 && format.type != kernels::RowType::f16),
      pitch_(rounded_up(format.row_bytes + (codes_ ? code_header_at : 0), row_alignment)) {}

void CudaRows::reserve(std::size_t rows, Stream stream) {
  memory_.grow(rows * pitch_, size_ * pitch_, stream);
  if (has_norms()) norms_.grow(rows * sizeof(float), size_ * sizeof(float), stream);
}

void CudaRows::reserve(std::size_t rows) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  reserve(rows, lane->stream);
}

void CudaRows::put(std::size_t first, std::size_t count, const std::byte* from,
                   std::size_t stride) {
  if (count == 0) return;
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  reserve(first + count, lane->stream);
  copy(first, count, from, stride, lane->stream);
  synchronize(lane->stream);
  size_ = std::max(size_, first + count);
}

void CudaRows::put_again(std::span<const Slot> slots, const std::byte* from, std::size_t stride) {
  if (slots.empty()) return;
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  for (std::size_t i = 0; i < slots.size();) {
    std::size_t count = 1;  // that lie side by side
    while (i + count < slots.size() && slots[i + count] == slots[i] + count) ++count;
    copy(slots[i], count, from + slots[i] * stride, stride, lane->stream);
    i += count;
  }
  synchronize(lane->stream);
}

void CudaRows::copy(std::size_t first, std::size_t count, const std::byte* from, std::size_t stride,
                    Stream stream) {
  auto* to = memory_.as<unsigned char>() + first * pitch_ + row_begin();
  copy_rows_in(to, from, {pitch_, stride, format_.row_bytes, count}, stream);
  if (has_norms())
    take_norms(
        format_.type,
        {to, pitch_, static_cast<unsigned>(format_.padded_dim), static_cast<unsigned>(count)},
        norms_.as<float>() + first, stream);
}

RowsView CudaRows::view() const {
  RowsView view{memory_.as<unsigned char>(),
                pitch_,
                nullptr,
                0,
                static_cast<std::uint32_t>(format_.padded_dim),
                team_of(format_.row_bytes),
                norms_.as<float>()};
  if (base_ != nullptr) {
    view.base = base_->memory_.as<unsigned char>();
    view.base_pitch = base_->pitch_;
  }
  return view;
}

void CudaGraph::put(std::uint32_t first, std::span<const HostLayer> layers, std::uint32_t entry) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  GraphView view = view_;
  const auto put_array = [&](Buffer& buffer, const std::uint32_t* from, std::size_t count) {
    if (from == nullptr || count == 0) return static_cast<const std::uint32_t*>(nullptr);
    auto* to = static_cast<std::uint32_t*>(buffer.need(count * sizeof *from));
    copy_in(to, from, count * sizeof *from, lane->stream);
    return static_cast<const std::uint32_t*>(to);
  };
  view.levels = first + static_cast<std::uint32_t>(layers.size());
  view.entry = entry;
  while (levels_.size() < view.levels) levels_.push_back(std::make_unique<Level>());
  for (std::uint32_t i = first; i < view.levels; ++i) {
    const HostLayer& layer = layers[i - first];
    Level& level = *levels_[i];
    view.layers[i] = {put_array(level.links, layer.links, layer.count * layer.degree),
                      put_array(level.slots, layer.slots, layer.count),
                      put_array(level.down, layer.down, layer.count), layer.degree,
                      static_cast<std::uint32_t>(layer.count)};
  }
  synchronize(lane->stream);
  view_ = view;
}

void CudaGraph::put_changed(const HostLayer& base, std::span<const std::uint32_t> nodes) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  LayerView& layer = view_.layers[0];
  const std::size_t degree = layer.degree;
  const std::size_t row_bytes = degree * sizeof(std::uint32_t);
  auto* links = static_cast<std::uint32_t*>(
      levels_[0]->links.grow(base.count * row_bytes, layer.count * row_bytes, lane->stream));
  if (base.count > layer.count)
    copy_in(links + layer.count * degree, base.links + layer.count * degree,
            (base.count - layer.count) * row_bytes, lane->stream);
  if (!nodes.empty()) {
    auto* rows = static_cast<std::uint32_t*>(lane->sent.need(nodes.size() * row_bytes));
    for (std::size_t i = 0; i < nodes.size(); ++i)
      std::copy_n(base.links + nodes[i] * degree, degree, rows + i * degree);
    set_rows_on(links, nodes, {rows, nodes.size() * degree}, *lane);
  }
  synchronize(lane->stream);
  layer.links = links;
  layer.count = static_cast<std::uint32_t>(base.count);
}

std::size_t CudaGraph::bytes() const {
  std::size_t sum = 0;
  for (const auto& level : levels_)
    sum += level->links.bytes() + level->slots.bytes() + level->down.bytes();
  return sum;
}

std::shared_ptr<std::byte> CudaBackend::pinned(std::size_t bytes) {
  const DeviceScope here;
  return {static_cast<std::byte*>(allocate_pinned(bytes)), release_pinned};
}

void CudaBackend::copy_from(const CallersRows& rows, void* host) {
  const DeviceScope here;
  require_device_memory(rows.data);
  copy_rows_out(host, rows.data, {rows.row_bytes, rows.stride, rows.row_bytes, rows.count},
                rows.stream);
  synchronize(rows.stream);
}

void CudaBackend::copy_to(void* device, const void* host, std::size_t bytes, void* stream) {
  const DeviceScope here;
  require_device_memory(device);
  copy_in(device, host, bytes, stream);
  synchronize(stream);
}

std::unique_ptr<DeviceRows> CudaBackend::make_rows(const DeviceRowFormat& format,
                                                   const DeviceRows* base) {
  return std::make_unique<CudaRows>(format, base == nullptr ? nullptr : &mine(*base));
}

std::unique_ptr<DeviceGraph> CudaBackend::make_graph() { return std::make_unique<CudaGraph>(); }

std::size_t CudaBackend::max_found(const DeviceRows& rows) const {
  const std::size_t room = device_info().shared_bytes;
  std::size_t most = 4096;
  const std::size_t query = mine(rows).query_bytes();
  while (most != 0 && (search_bytes(query, most) > room || scan_bytes(query, most) > room))
    most /= 2;
  return most;
}

std::unique_ptr<DeviceWork> CudaBackend::search_graph(
    const DeviceRows& rows, const DeviceGraph& graph, const QueryBlock& queries,
    const DeviceBreadth& breadth, const DeviceRanking* ranking, std::span<Scored> found) {
  const DeviceScope here;
  const CudaRows& walked = mine(rows);
  auto work = std::make_unique<SearchWork>(lanes_);
  work->begin({walked, queries, breadth.window, breadth.capacity, ranking, found},
              [&](const QueriesView& sent, const SearchRequest& request, Stream stream) {
                cuda::search_graph(walked.kind(), walked.view(), mine(graph).view(), sent, request,
                                   stream);
              });
  return work;
}

}  // namespace vecinal::cuda

extern "C" {
VECINAL_EXPORT int vecinal_backend_interface() { return vecinal::backend_interface; }

/// Throws CudaError.
VECINAL_EXPORT vecinal::Backend* vecinal_open_backend() {
  vecinal::cuda::require_device();
  return new vecinal::cuda::CudaBackend();
}
}
