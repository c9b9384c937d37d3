#include "graph/undo.hpp"

#include <algorithm>

namespace vecinal {

Undo::Undo(const Graph& graph) : graph_(graph), levels_(graph.levels()), rows_(1) {
  for (std::uint32_t level = 0; level < max_levels; ++level) {
    sizes_[level] = graph.layer(level).size();
    noted_[level].resize(sizes_[level], 0);
  }
}

void Undo::note_row(std::uint32_t level, Node node, unsigned worker) {
  if (node >= sizes_[level] || noted_[level][node] != 0) return;
  const auto row = graph_.layer(level).row(node);
  rows_[worker].push_back({level, node, {row.begin(), row.end()}});
  noted_[level][node] = 1;
}

void Undo::note_twin(Slot slot) {
  if (slot < sizes_[0]) twins_.push_back({slot, graph_.twin(slot)});
}

std::vector<Node> Undo::changed(std::uint32_t level) const {
  std::vector<Node> nodes;
  for (std::size_t node = 0; node < noted_[level].size(); ++node)
    if (noted_[level][node] != 0) nodes.push_back(static_cast<Node>(node));
  return nodes;
}

void Undo::roll_back(Graph& graph) const {
  graph.set_levels(levels_);
  for (const auto& rows : rows_)
    for (const Row& row : rows) graph.layer(row.level).set_row(row.node, row.links);
  for (auto twin = twins_.rbegin(); twin != twins_.rend(); ++twin)
    graph.set_twin(twin->slot, twin->next);
  for (std::uint32_t level = 0; level < max_levels; ++level)
    graph.layer(level).truncate(sizes_[level]);
  graph.parents().resize(sizes_[0]);
  graph.twins().resize(sizes_[0]);
}

}  // namespace vecinal
