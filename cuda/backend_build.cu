// The operations of CudaBackend that building a graph is made of.
#include <algorithm>

#include "backend.hpp"
#include "links.hpp"

namespace vecinal::cuda {
namespace {

LinkShape shape_of(const CudaRows& rows, const DeviceLinkParams& params) {
  return {{rows.format().weight, rows.format().origin},
          params.beam,
          params.degree,
          params.fill,
          params.alpha,
          params.shift};
}

/// A copy of an array of the host in memory of the lane.
template <class T>
const T* put_array(Buffer& buffer, std::span<const T> from, Stream stream) {
  auto* to = static_cast<T*>(buffer.need(from.size_bytes()));
  copy_in(to, from.data(), from.size_bytes(), stream);
  return to;
}

}  // namespace

void CudaGraph::set_rows(std::span<const std::uint32_t> nodes,
                         std::span<const std::uint32_t> rows) {
  if (nodes.empty()) return;
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  set_rows_on(levels_[0]->links.as<std::uint32_t>(), nodes, rows, *lane);
  synchronize(lane->stream);
}

void CudaGraph::set_rows_on(std::uint32_t* links, std::span<const std::uint32_t> nodes,
                            std::span<const std::uint32_t> rows, Lane& lane) const {
  const std::uint32_t* where = put_array(lane.slots, nodes, lane.stream);
  const std::uint32_t* what = put_array(lane.workspace, rows, lane.stream);
  cuda::set_rows(links, view_.layers[0].degree, where, what, static_cast<unsigned>(nodes.size()),
                 lane.stream);
}

void CudaBackend::find_links(const DeviceRows& rows, const DeviceGraph& graph,
                             const DeviceItems& items, const DeviceLinkParams& params,
                             std::span<Slot> twins, std::span<Scored> links) {
  if (items.slots.empty()) return;
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  const CudaRows& on = mine(rows);
  const GraphView& view = mine(graph).view();
  FindRequest request{{on.row_begin(), on.format().row_bytes / sizeof(unsigned)},
                      put_array(lane->slots, items.slots, lane->stream),
                      static_cast<std::uint32_t*>(lane->counts.need(twins.size_bytes())),
                      lane->found.need(links.size_bytes()),
                      static_cast<unsigned>(items.counts.size()),
                      {}};
  std::uint64_t places = 0;
  for (unsigned level = 0; level < request.levels; ++level) {
    request.of_level[level] = {items.counts[level], places};
    places += std::uint64_t{items.counts[level]} * view.layers[level].degree;
  }
  cuda::find_links(on.kind(), on.view(), on.query_bytes(), view, shape_of(on, params), request,
                   lane->stream);
  copy_out(twins.data(), request.twins, twins.size_bytes(), lane->stream);
  copy_out(links.data(), request.links, links.size_bytes(), lane->stream);
  synchronize(lane->stream);
}

void CudaBackend::prune(const DeviceRows& rows, const DeviceGraph& graph, const DevicePrune& work,
                        const DeviceLinkParams& params, std::span<std::uint32_t> links) {
  if (work.targets.empty()) return;
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  const CudaRows& on = mine(rows);
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < work.ends.size(); ++i)
    most = std::max(most, work.ends[i] - (i == 0 ? 0 : work.ends[i - 1]));
  const PruneTargets request{static_cast<unsigned>(work.targets.size()),
                             put_array(lane->slots, work.targets, lane->stream),
                             put_array(lane->counts, work.ends, lane->stream),
                             put_array(lane->scores, work.scores, lane->stream),
                             put_array(lane->queries, work.sources, lane->stream),
                             put_array(lane->masks, work.keep, lane->stream),
                             (params.degree + 31) / 32,
                             most + params.degree,
                             static_cast<std::uint32_t*>(lane->found.need(links.size_bytes()))};
  cuda::prune(on.kind(), on.view(), on.query_bytes(), mine(graph).view(), shape_of(on, params),
              request, lane->stream);
  copy_out(links.data(), request.rows, links.size_bytes(), lane->stream);
  synchronize(lane->stream);
}

std::size_t CudaBackend::max_candidates(const DeviceRows& rows,
                                        const DeviceLinkParams& params) const {
  const LinkShape shape = shape_of(mine(rows), params);
  const std::size_t query = mine(rows).query_bytes();
  if (find_bytes(query, shape) > device_info().shared_bytes) return 0;
  std::size_t most = 1024;
  while (most != 0 && prune_bytes(query, shape, most) > device_info().shared_bytes) most /= 2;
  return most;
}

}  // namespace vecinal::cuda
