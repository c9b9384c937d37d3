// What a CudaBackend does with fused rows.
#include <algorithm>

#include "fused_search.hpp"
#include "pack_tails.hpp"
#include "search_work.hpp"

namespace vecinal::cuda {
namespace {

/// Host tails that are on the device at a time.
constexpr std::size_t staged_bytes = std::size_t{16} << 20U;

TailShape shape_of(const TailFormat& format) {
  constexpr std::size_t dims_a_word = 4 * groups_a_word;
  return {static_cast<std::uint32_t>(format.blocks),
          static_cast<std::uint32_t>((format.dims + dims_a_word - 1) / dims_a_word)};
}

}  // namespace

void CudaTails::put(const TailFormat& format, std::size_t count, const std::byte* from,
                    std::size_t stride, const EntryNodes& entries) {
  const DeviceScope here;
  pack(format, count, from, stride, tails_);
  pack(entries.format, 1, entries.tail, entries.format.bytes, entries_);
  const LanePool::Lease lane = lanes_.take();
  const std::size_t node_bytes = entries.nodes.size_bytes();
  copy_in(entry_nodes_.need(node_bytes), entries.nodes.data(), node_bytes, lane->stream);
  synchronize(lane->stream);
  view_ = {tails_.as<unsigned char>(),   shape_of(format),
           entries_.as<unsigned char>(), entry_nodes_.as<std::uint32_t>(),
           shape_of(entries.format),     static_cast<std::uint32_t>(format.dims)};
}

void CudaTails::pack(const TailFormat& format, std::size_t count, const std::byte* from,
                     std::size_t stride, Buffer& to) {
  const LanePool::Lease lane = lanes_.take();
  const TailShape shape = shape_of(format);
  auto* packed = static_cast<unsigned char*>(to.need(count * shape.pitch()));
  const std::size_t pitch = (format.bytes + 15) / 16 * 16;
  const std::size_t most = std::max<std::size_t>(1, staged_bytes / pitch);
  for (std::size_t first = 0; first < count; first += most) {
    const std::size_t rows = std::min(most, count - first);
    auto* staged = static_cast<unsigned char*>(lane->workspace.need(rows * pitch));
    copy_rows_in(staged, from + first * stride, {pitch, stride, format.bytes, rows}, lane->stream);
    pack_tails({staged, pitch, static_cast<unsigned>(rows), format}, shape, weight_,
               packed + first * shape.pitch(), lane->stream);
  }
  synchronize(lane->stream);
}

std::unique_ptr<DeviceTails> CudaBackend::make_tails(const DeviceRows& rows) {
  return std::make_unique<CudaTails>(mine(rows).format().weight);
}

std::size_t CudaBackend::max_fused(const DeviceRows& rows, const DeviceTails& tails) const {
  std::size_t most = 2048;
  const std::uint32_t words = mine(tails).view().shape.words;
  while (most != 0 &&
         fused_search_bytes(mine(rows).query_bytes(), words, most) > device_info().shared_bytes)
    most /= 2;
  return most;
}

std::unique_ptr<DeviceWork> CudaBackend::search_fused(
    const DeviceRows& rows, const DeviceGraph& graph, const DeviceTails& tails,
    const QueryBlock& queries, const DeviceFusedBreadth& breadth, const DeviceRanking* ranking,
    std::span<Scored> found) {
  const DeviceScope here;
  const CudaRows& walked = mine(rows);
  const FusedStop stop{static_cast<unsigned>(breadth.k), breadth.gamma, breadth.shift};
  auto work = std::make_unique<SearchWork>(lanes_);
  work->begin({walked, queries, breadth.beam, breadth.capacity, ranking, found},
              [&](const QueriesView& sent, const SearchRequest& request, Stream stream) {
                cuda::search_fused(walked.kind(), walked.view(), mine(graph).view().layers[0],
                                   mine(tails).view(), sent, request, stop, stream);
              });
  return work;
}

}  // namespace vecinal::cuda
