#include "index/mirror.hpp"

#include <vector>

#include "backend/backend_library.hpp"
#include "backend/query_block.hpp"

namespace vecinal {

void Mirror::update(const Rows& rows, const Graph& graph, std::size_t count, Revision revision) {
  const std::unique_lock lock(lock_);
  if (rows_ == &rows && revision_.changes == revision.changes) return;
  const bool append = rows_ == &rows && revision_.rewrites == revision.rewrites && count_ <= count;
  rows_ = nullptr;
  try {
    copy(rows, graph, count, append);
  } catch (...) {
    ranking_.reset();
    walked_.reset();
    graph_.reset();
    count_ = 0;
    throw;
  }
  rows_ = &rows;
  revision_ = revision;
  count_ = count;
}

void Mirror::copy(const Rows& rows, const Graph& graph, std::size_t count, bool append) {
  const std::size_t first = append ? count_ : 0;
  if (!append) {
    // Old copies go first, or a device would have to hold both.
    ranking_.reset();
    walked_.reset();
    walked_ = backend_.make_rows(device_format(rows.walked()), nullptr);
    if (rows.two()) {
      const bool levels = rows.ranking().view().base != nullptr;
      ranking_ =
          backend_.make_rows(device_format(rows.ranking()), levels ? walked_.get() : nullptr);
    }
  }
  const auto put_rows = [&](DeviceRows& to, const Storage& from) {
    if (count > first)
      to.put(first, count - first, from.row(static_cast<Slot>(first)), from.stride());
  };
  put_rows(*walked_, rows.walked());
  if (ranking_) put_rows(*ranking_, rows.ranking());

  if (!graph_) graph_ = backend_.make_graph();
  const GraphView view = graph.view();
  std::vector<HostLayer> layers;
  for (std::uint32_t level = 0; level < view.levels; ++level) {
    const LayerView& layer = view.layers[level];
    layers.push_back({layer.links, layer.slots, layer.down, layer.degree, layer.count});
  }
  graph_->put(layers, view.empty() ? 0 : view.entry());
}

std::size_t Mirror::bytes() const {
  const std::shared_lock lock(lock_);
  std::size_t sum = 0;
  if (walked_) sum += walked_->bytes();
  if (ranking_) sum += ranking_->bytes();
  if (graph_) sum += graph_->bytes();
  return sum;
}

std::unique_ptr<Mirror> make_mirror(Device device) {
  return device == Device::cpu ? nullptr : std::make_unique<Mirror>(cuda_backend());
}

}  // namespace vecinal
