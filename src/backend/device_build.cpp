#include "backend/device_build.hpp"

namespace vecinal {

void put_graph(DeviceGraph& to, const GraphView& graph) {
  std::vector<HostLayer> layers;
  for (std::uint32_t level = 0; level < graph.levels; ++level) {
    const LayerView& layer = graph.layers[level];
    layers.push_back({layer.links, layer.slots, layer.down, layer.degree, layer.count});
  }
  to.put(layers, graph.empty() ? 0 : graph.entry());
}

DeviceBuild::DeviceBuild(Backend& backend, const DeviceRows& rows, std::uint32_t degree,
                         const BuildParams& params)
    : backend_(backend),
      rows_(rows),
      params_{params.beam, degree, params.fill, params.geometry.alpha, params.geometry.shift},
      prune_params_(params_),
      most_(backend.max_candidates(rows, params_)) {
  prune_params_.fill = params.refill();
}

void DeviceBuild::begin(const GraphView& graph) {
  graph_ = backend_.make_graph();
  put_graph(*graph_, graph);
}

void DeviceBuild::find_links(std::span<const Slot> slots, std::span<Slot> twins,
                             std::span<Scored> links) {
  backend_.find_links(rows_, *graph_, slots, params_, twins, links);
}

void DeviceBuild::prune(const Overfull& nodes, std::span<Node> rows) {
  backend_.prune(rows_, *graph_,
                 {nodes.targets, nodes.ends, nodes.scores, nodes.sources, nodes.keep},
                 prune_params_, rows);
}

void DeviceBuild::set_rows(std::span<const Node> nodes, std::span<const Node> rows) {
  graph_->set_rows(nodes, rows);
}

}  // namespace vecinal
