// What a CudaBackend does with fused rows.
#include <algorithm>
#include <cstring>

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

std::size_t staged_pitch(const TailFormat& format) { return (format.bytes + 15) / 16 * 16; }

std::size_t staged_rows(const TailFormat& format) {
  return std::max<std::size_t>(1, staged_bytes / staged_pitch(format));
}

}  // namespace

void CudaTails::put(const HostTails& tails, const EntryNodes& entries) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  tails_.need(tails.count * shape_of(tails.format).pitch());
  pack(tails, 0, tails_, *lane);
  count_ = tails.count;
  put_entries(tails, entries, *lane);
}

void CudaTails::put_changed(const HostTails& tails, std::span<const std::uint32_t> nodes,
                            const EntryNodes& entries) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  const std::size_t pitch = shape_of(tails.format).pitch();
  tails_.grow(tails.count * pitch, count_ * pitch, lane->stream);
  pack(tails, count_, tails_, *lane);
  count_ = tails.count;
  pack_some(tails, nodes, *lane);
  put_entries(tails, entries, *lane);
}

void CudaTails::put_entries(const HostTails& tails, const EntryNodes& entries, Lane& lane) {
  const HostTails tail{entries.format, 1, entries.tail, entries.format.bytes};
  entries_.need(shape_of(tail.format).pitch());
  pack(tail, 0, entries_, lane);
  const std::size_t node_bytes = entries.nodes.size_bytes();
  copy_in(entry_nodes_.need(node_bytes), entries.nodes.data(), node_bytes, lane.stream);
  synchronize(lane.stream);
  view_ = {tails_.as<unsigned char>(),   shape_of(tails.format),
           entries_.as<unsigned char>(), entry_nodes_.as<std::uint32_t>(),
           shape_of(entries.format),     static_cast<std::uint32_t>(tails.format.dims)};
}

void CudaTails::pack(const HostTails& from, std::size_t first, Buffer& to, Lane& lane) const {
  const TailShape shape = shape_of(from.format);
  const std::size_t pitch = staged_pitch(from.format);
  const std::size_t most = staged_rows(from.format);
  for (; first < from.count; first += most) {
    const std::size_t rows = std::min(most, from.count - first);
    auto* staged = static_cast<unsigned char*>(lane.workspace.need(rows * pitch));
    copy_rows_in(staged, from.from + first * from.stride,
                 {pitch, from.stride, from.format.bytes, rows}, lane.stream);
    pack_tails({staged, pitch, static_cast<unsigned>(rows), from.format}, shape, weight_,
               to.as<unsigned char>() + first * shape.pitch(), lane.stream);
  }
}

void CudaTails::pack_some(const HostTails& from, std::span<const std::uint32_t> nodes, Lane& lane) {
  const std::size_t pitch = staged_pitch(from.format);
  const std::size_t most = staged_rows(from.format);
  for (std::size_t first = 0; first < nodes.size(); first += most) {
    const auto some = nodes.subspan(first, std::min(most, nodes.size() - first));
    Upload upload;
    const auto places = upload.add(some.data(), some.size());
    upload.send(lane);
    auto* gathered = static_cast<unsigned char*>(lane.received.need(some.size() * pitch));
    for (std::size_t i = 0; i < some.size(); ++i)
      std::memcpy(gathered + i * pitch, from.from + some[i] * from.stride, from.format.bytes);
    auto* staged = static_cast<unsigned char*>(lane.workspace.need(some.size() * pitch));
    copy_in(staged, gathered, some.size() * pitch, lane.stream);
    pack_tails({staged, pitch, static_cast<unsigned>(some.size()), from.format, upload[places]},
               shape_of(from.format), weight_, tails_.as<unsigned char>(), lane.stream);
    synchronize(lane.stream);  // before they are gathered anew
  }
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
