#include "backend.hpp"

#include "panel_scan.hpp"

#include <algorithm>

#define VECINAL_EXPORT __attribute__((visibility("default")))

namespace vecinal::cuda {
namespace {

/// Queries of a launch: grids have at most 65,535 blocks in y, and results of a launch should fit
/// memory with room to spare.
constexpr std::size_t most_queries = 16'384;

std::size_t rounded_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

/// Lanes that score a row together: each has about four reads of 16 bytes in flight.
std::uint32_t team_of(std::size_t bytes) {
  std::uint32_t team = 4;
  while (team < warp_size && team * 64 < bytes) team *= 2;
  return team;
}

/// Brings queries first .. first + count - 1 to the device.
QueriesView put_queries(const CudaRows& rows, const QueryBlock& queries, std::size_t first,
                        std::size_t count, Lane& lane) {
  const std::size_t bytes = rows.query_bytes();
  const auto* values = rows.codes() ? reinterpret_cast<const std::byte*>(queries.steps)
                                    : reinterpret_cast<const std::byte*>(queries.values);
  QueriesView view{static_cast<const unsigned char*>(lane.queries.need(count * bytes)), bytes,
                   nullptr};
  copy_in(lane.queries.as<void>(), values + first * bytes, count * bytes, lane.stream);
  if (rows.codes()) {
    view.scales = static_cast<const float*>(lane.scales.need(count * sizeof(QueryScale)));
    copy_in(lane.scales.as<void>(), queries.scales + first, count * sizeof(QueryScale),
            lane.stream);
  }
  return view;
}

/// Gives what the lane has found for some queries the scores of these rows. Kernels of the lane's
/// stream that still read other queries end before these overwrite them.
void rank_found(const CudaRows& rows, const QueryBlock& queries, std::size_t first,
                std::size_t count, std::size_t capacity, Lane& lane) {
  const QueriesView view = put_queries(rows, queries, first, count, lane);
  cuda::rerank(rows.kind(), rows.view(), view,
               {static_cast<unsigned>(count), 0, static_cast<unsigned>(capacity),
                lane.found.as<void>(), nullptr},
               lane.stream);
}

/// Calls use(first, count) for pieces of the queries.
template <class Use>
void in_pieces(std::size_t queries, Use use) {
  for (std::size_t first = 0; first < queries; first += most_queries)
    use(first, std::min(most_queries, queries - first));
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

void LanePool::give_back(std::unique_ptr<Lane> lane) {
  const std::lock_guard lock(lock_);
  idle_.push_back(std::move(lane));
}

CudaRows::CudaRows(const DeviceRowFormat& format, const CudaRows* base)
    : format_(format),
      base_(base),
      codes_(format.type != kernels::RowType::f32 && format.type != kernels::RowType::f16),
      pitch_(rounded_up(format.row_bytes + (codes_ ? code_header_at : 0), row_alignment)) {}

void CudaRows::put(std::size_t first, std::size_t count, const std::byte* from,
                   std::size_t stride) {
  if (count == 0) return;
  const LanePool::Lease lane = lanes_.take();
  memory_.grow((first + count) * pitch_, size_ * pitch_, lane->stream);
  auto* to = memory_.as<unsigned char>() + first * pitch_ + row_begin();
  copy_rows_in(to, from, {pitch_, stride, format_.row_bytes, count}, lane->stream);
  synchronize(lane->stream);
  size_ = std::max(size_, first + count);
}

RowsView CudaRows::view() const {
  RowsView view{memory_.as<unsigned char>(),
                pitch_,
                nullptr,
                0,
                static_cast<std::uint32_t>(format_.padded_dim),
                team_of(format_.row_bytes)};
  if (base_ != nullptr) {
    view.base = base_->memory_.as<unsigned char>();
    view.base_pitch = base_->pitch_;
  }
  return view;
}

void CudaGraph::put(std::span<const HostLayer> layers, std::uint32_t entry) {
  const LanePool::Lease lane = lanes_.take();
  GraphView view;
  const auto put_array = [&](Buffer& buffer, const std::uint32_t* from, std::size_t count) {
    if (from == nullptr || count == 0) return static_cast<const std::uint32_t*>(nullptr);
    auto* to = static_cast<std::uint32_t*>(buffer.need(count * sizeof *from));
    copy_in(to, from, count * sizeof *from, lane->stream);
    return static_cast<const std::uint32_t*>(to);
  };
  while (levels_.size() < layers.size()) levels_.push_back(std::make_unique<Level>());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const HostLayer& layer = layers[i];
    Level& level = *levels_[i];
    view.layers[i] = {put_array(level.links, layer.links, layer.count * layer.degree),
                      put_array(level.slots, layer.slots, layer.count),
                      put_array(level.down, layer.down, layer.count), layer.degree,
                      static_cast<std::uint32_t>(layer.count)};
  }
  view.levels = static_cast<std::uint32_t>(layers.size());
  view.entry = entry;
  synchronize(lane->stream);
  view_ = view;
}

std::size_t CudaGraph::bytes() const {
  std::size_t sum = 0;
  for (const auto& level : levels_)
    sum += level->links.bytes() + level->slots.bytes() + level->down.bytes();
  return sum;
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

DeviceCounts CudaBackend::search_graph(const DeviceRows& rows, const DeviceGraph& graph,
                                       const QueryBlock& queries, const DeviceBreadth& breadth,
                                       const DeviceRanking* ranking, std::span<Scored> found) {
  const LanePool::Lease lane = lanes_.take();
  DeviceCounts total;
  in_pieces(queries.count, [&](std::size_t first, std::size_t count) {
    const QueriesView view = put_queries(mine(rows), queries, first, count, *lane);
    const std::size_t bytes = count * breadth.capacity * sizeof(Scored);
    auto* counts =
        static_cast<unsigned long long*>(lane->counts.need(2 * sizeof(unsigned long long)));
    fill_bytes(counts, 0, 2 * sizeof(unsigned long long), lane->stream);
    cuda::search_graph(mine(rows).kind(), mine(rows).view(), mine(graph).view(), view,
                       {static_cast<unsigned>(count), static_cast<unsigned>(breadth.window),
                        static_cast<unsigned>(breadth.capacity), lane->found.need(bytes), counts},
                       lane->stream);
    if (ranking != nullptr)
      rank_found(mine(*ranking->rows), ranking->queries, first, count, breadth.capacity, *lane);
    unsigned long long done[2] = {0, 0};
    copy_out(found.data() + first * breadth.capacity, lane->found.as<void>(), bytes, lane->stream);
    copy_out(done, counts, sizeof done, lane->stream);
    synchronize(lane->stream);
    total.hops += done[0];
    total.distances += done[1];
  });
  return total;
}

void CudaBackend::knn(const DeviceRows& rows, const QueryBlock& queries, std::size_t count,
                      std::span<const Slot> slots, std::size_t most, std::span<Scored> found) {
  const LanePool::Lease lane = lanes_.take();
  const auto* listed = static_cast<const std::uint32_t*>(nullptr);
  if (!slots.empty()) {
    listed = static_cast<const std::uint32_t*>(lane->slots.need(slots.size_bytes()));
    copy_in(lane->slots.as<void>(), slots.data(), slots.size_bytes(), lane->stream);
    count = slots.size();
  }
  in_pieces(queries.count, [&](std::size_t first, std::size_t piece) {
    const QueriesView view = put_queries(mine(rows), queries, first, piece, *lane);
    const std::size_t bytes = piece * most * sizeof(Scored);
    const ScanRequest request{static_cast<unsigned>(piece), static_cast<unsigned>(count), listed,
                              static_cast<unsigned>(most), lane->found.need(bytes)};
    const KindOfRows kind = mine(rows).kind();
    if (piece >= least_panel_queries &&
        panel_scan_bytes(kind, mine(rows).format().padded_dim, most) <= device_info().shared_bytes)
      cuda::panel_scan(kind, mine(rows).view(), view, request,
                       lane->workspace.need(panel_scan_workspace(request)), lane->stream);
    else
      cuda::scan(kind, mine(rows).view(), view, request,
                 lane->workspace.need(scan_workspace(request)), lane->stream);
    copy_out(found.data() + first * most, lane->found.as<void>(), bytes, lane->stream);
    synchronize(lane->stream);
  });
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
