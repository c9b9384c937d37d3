// Graph::copy and swap: the same graph in other slots.
#include <utility>

#include "graph/graph.hpp"

namespace vecinal {
namespace {

/// Numbers as they were, by numbers as they are, the other way round.
std::vector<Node> inverse(std::span<const Node> kept, std::size_t size) {
  std::vector<Node> moved(size, no_slot);
  for (std::size_t i = 0; i < kept.size(); ++i) moved[kept[i]] = static_cast<Node>(i);
  return moved;
}

void copy_rows(const Layer& from, std::span<const Node> kept, std::span<const Node> moved,
               Layer& to, const Stretch& told) {
  std::vector<Node> row;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    told.step(i, kept.size());
    row.clear();
    for (const Node next : from.row(kept[i])) row.push_back(moved[next]);
    to.set_row(static_cast<Node>(i), row);
  }
}

}  // namespace

void Graph::copy(const Graph& from, std::span<const Slot> slots, const Stretch& told) {
  const std::vector<Slot> moved = inverse(slots, from.size());
  const auto to = [&](Slot slot) { return slot == no_slot ? no_slot : moved[slot]; };
  grow(slots.size());
  layers_[0].publish(slots.size());
  copy_rows(from.layers_[0], slots, moved, layers_[0], told);
  for (Slot slot = 0; slot < slots.size(); ++slot) {
    set_parent(slot, to(from.parent(slots[slot])));
    set_twin(slot, to(from.twin(slots[slot])));
  }
  std::vector<Node> below = moved;
  for (std::uint32_t level = 1; level < from.levels(); ++level) {
    const Layer& old = from.layers_[level];
    std::vector<Node> kept;
    for (Node node = 0; node < old.size(); ++node)
      if (old.slots()[node] != no_slot) kept.push_back(node);
    std::vector<Node> here = inverse(kept, old.size());
    Layer& layer = layers_[level];
    layer.grow(kept.size());
    layer.publish(kept.size());
    copy_rows(old, kept, here, layer, {});  // few
    for (Node node = 0; node < kept.size(); ++node)
      layer.place(node, moved[old.slots()[kept[node]]], below[old.down()[kept[node]]]);
    below = std::move(here);
  }
  if (from.root() != no_slot) set_root(moved[from.root()]);
  find_twins();
  set_levels(from.levels());
}

void Graph::swap(Graph& other) noexcept {
  layers_.swap(other.layers_);
  parents_.swap(other.parents_);
  twins_.swap(other.twins_);
  std::swap(root_, other.root_);
  twinned_.store(other.twinned_.exchange(twinned_.load()));
  start_.store(other.start_.exchange(start_.load()), std::memory_order_release);
}

}  // namespace vecinal
