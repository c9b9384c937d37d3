#include "backend.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "norms.hpp"
#include "panel_scan.hpp"

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

/// Queries first .. first + count - 1 on their way to the device.
class SentQueries {
 public:
  SentQueries(const CudaRows& rows, const QueryBlock& queries, std::size_t first, std::size_t count,
              Upload& upload)
      : bytes_(rows.query_bytes()), codes_(rows.codes()) {
    const auto* values = codes_ ? reinterpret_cast<const unsigned char*>(queries.steps)
                                : reinterpret_cast<const unsigned char*>(queries.values);
    values_ = upload.add(values + first * bytes_, count * bytes_);
    if (codes_)
      scales_ = upload.add(reinterpret_cast<const float*>(queries.scales + first), 3 * count);
  }

  [[nodiscard]] QueriesView view(const Upload& upload) const {
    return {upload[values_], bytes_, codes_ ? upload[scales_] : nullptr};
  }

 private:
  std::size_t bytes_;
  bool codes_;
  Layout::Place<unsigned char> values_;
  Layout::Place<float> scales_;
};
static_assert(sizeof(QueryScale) == 3 * sizeof(float));

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
  if (!codes_ && format_.op == kernels::Op::l2) {
    norms_.grow((first + count) * sizeof(float), size_ * sizeof(float), lane->stream);
    take_norms(
        format_.type,
        {to, pitch_, static_cast<unsigned>(format_.padded_dim), static_cast<unsigned>(count)},
        norms_.as<float>() + first, lane->stream);
  }
  synchronize(lane->stream);
  size_ = std::max(size_, first + count);
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
  using Count = unsigned long long;
  const LanePool::Lease lane = lanes_.take();
  DeviceCounts total;
  in_pieces(queries.count, [&](std::size_t first, std::size_t count) {
    Upload upload;
    const SentQueries walked(mine(rows), queries, first, count, upload);
    std::optional<SentQueries> ranked;
    if (ranking != nullptr)
      ranked.emplace(mine(*ranking->rows), ranking->queries, first, count, upload);
    upload.send(*lane);
    // The counts lie before what is found, so that one copy brings both.
    const std::size_t bytes = count * breadth.capacity * sizeof(Scored);
    auto* counts = static_cast<Count*>(lane->found.need(2 * sizeof(Count) + bytes));
    fill_bytes(counts, 0, 2 * sizeof(Count), lane->stream);
    SearchRequest request{static_cast<unsigned>(count), static_cast<unsigned>(breadth.window),
                          static_cast<unsigned>(breadth.capacity), counts + 2, counts};
    cuda::search_graph(mine(rows).kind(), mine(rows).view(), mine(graph).view(),
                       walked.view(upload), request, lane->stream);
    if (ranked)
      cuda::rerank(mine(*ranking->rows).kind(), mine(*ranking->rows).view(), ranked->view(upload),
                   request, lane->stream);
    const unsigned char* done = receive(*lane, counts, 2 * sizeof(Count) + bytes);
    total.hops += reinterpret_cast<const Count*>(done)[0];
    total.distances += reinterpret_cast<const Count*>(done)[1];
    std::memcpy(found.data() + first * breadth.capacity, done + 2 * sizeof(Count), bytes);
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
    Upload upload;
    const SentQueries sent(mine(rows), queries, first, piece, upload);
    upload.send(*lane);
    const std::size_t bytes = piece * most * sizeof(Scored);
    const ScanRequest request{static_cast<unsigned>(piece), static_cast<unsigned>(count), listed,
                              static_cast<unsigned>(most), lane->found.need(bytes)};
    const KindOfRows kind = mine(rows).kind();
    if (piece >= least_panel_queries &&
        panel_scan_bytes(kind, mine(rows).format().padded_dim, most) <= device_info().shared_bytes)
      cuda::panel_scan(kind, mine(rows).view(), sent.view(upload), request,
                       lane->workspace.need(panel_scan_workspace(request)), lane->stream);
    else
      cuda::scan(kind, mine(rows).view(), sent.view(upload), request,
                 lane->workspace.need(scan_workspace(request)), lane->stream);
    std::memcpy(found.data() + first * most, receive(*lane, lane->found.as<void>(), bytes), bytes);
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
