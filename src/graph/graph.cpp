#include "graph/graph.hpp"

namespace vecinal {

Graph::Graph(std::uint32_t degree) {
  layers_.emplace_back(degree, false);
  for (std::uint32_t level = 1; level < max_levels; ++level) layers_.emplace_back(degree / 2, true);
}

GraphView Graph::view() const {
  const Start start = this->start();
  GraphView view;
  view.levels = start.levels;
  view.start = start.entry;
  for (std::uint32_t level = view.levels; level-- > 0;) view.layers[level] = layers_[level].view();
  view.twins = twins_.data();
  view.twinned = twinned_.load(std::memory_order_acquire);
  return view;
}

void Graph::grow(std::size_t slots) {
  layers_[0].grow(slots);
  parents_.resize(slots, no_slot);
  twins_.resize(slots, no_slot);
}

void Graph::set_levels(std::uint32_t levels) {
  Start start{levels, no_slot};
  if (levels == 1) start.entry = root_;
  if (levels > 1) {
    const GrowableArray<Slot>& slots = layers_[levels - 1].slots();
    start.entry = 0;
    while (slots[start.entry] == no_slot) ++start.entry;
  }
  set_start(start);
}

void Graph::set_twin(Slot slot, Slot next) {
  if (next != no_slot) twinned_.store(true, std::memory_order_release);
  std::atomic_ref(twins_[slot]).store(next, std::memory_order_release);
}

void Graph::add_twin(Slot node, Slot slot) {
  const Slot next = twins_[node];
  set_twin(slot, next == no_slot ? node : next);
  set_twin(node, slot);
}

std::size_t Graph::bytes() const {
  std::size_t total = parents_.bytes() + twins_.bytes();
  for (const Layer& layer : layers_) total += layer.bytes();
  return total;
}

double Graph::mean_degree() const {
  std::size_t links = 0;
  std::size_t nodes = 0;
  for (Slot slot = 0; slot < parents_.size(); ++slot) {
    if (parents_[slot] == no_slot) continue;
    ++nodes;
    links += layers_[0].row(slot).size();
  }
  return nodes == 0 ? 0.0 : static_cast<double>(links) / static_cast<double>(nodes);
}

std::size_t Graph::twin_count() const {
  std::size_t twins = 0;
  for (Slot slot = 0; slot < parents_.size(); ++slot)
    if (parents_[slot] == no_slot && twins_[slot] != no_slot) ++twins;
  return twins;
}

void Graph::release_retired() {
  for (Layer& layer : layers_) {
    layer.links().release_retired();
    layer.slots().release_retired();
    layer.down().release_retired();
  }
  parents_.release_retired();
  twins_.release_retired();
}

}  // namespace vecinal
