#include "backend/device_build.hpp"

namespace vecinal {

HostLayer host_layer(const LayerView& layer) {
  return {layer.links, layer.slots, layer.down, layer.degree, layer.count};
}

void put_graph(DeviceGraph& to, const GraphView& graph, std::uint32_t first) {
  std::vector<HostLayer> layers;
  for (std::uint32_t level = first; level < graph.levels; ++level)
    layers.push_back(host_layer(graph.layers[level]));
  to.put(first, layers, graph.empty() ? 0 : graph.entry());
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

void DeviceBuild::find_links(std::span<const Slot> slots, std::span<const std::uint32_t> counts,
                             std::span<Slot> twins, std::span<Scored> links) {
  backend_.find_links(rows_, *graph_, {slots, counts}, params_, twins, links);
}

void DeviceBuild::prune(const Overfull& nodes, std::span<Node> rows) {
  backend_.prune(rows_, *graph_,
                 {nodes.targets, nodes.ends, nodes.scores, nodes.sources, nodes.keep},
                 prune_params_, rows);
}

void DeviceBuild::set_upper(const GraphView& graph) { put_graph(*graph_, graph, 1); }

void DeviceBuild::set_rows(std::span<const Node> nodes, std::span<const Node> rows) {
  graph_->set_rows(nodes, rows);
}

}  // namespace vecinal
