#include "graph/undo.hpp"

#include <algorithm>
#include <atomic>

namespace vecinal {

Undo::Undo(const Graph& graph)
    : graph_(graph), start_(graph.start()), root_(graph.root()), rows_(1) {
  for (std::uint32_t level = 0; level < max_levels; ++level) {
    sizes_[level] = graph.layer(level).size();
    noted_[level].resize((sizes_[level] + 63) / 64, 0);
  }
}

void Undo::note_row(std::uint32_t level, Node node, unsigned worker) {
  if (node >= sizes_[level]) return;
  std::atomic_ref word(noted_[level][node / 64]);
  const std::uint64_t bit = std::uint64_t{1} << (node % 64);
  if ((word.load(std::memory_order_relaxed) & bit) != 0) return;
  const auto row = graph_.layer(level).row(node);
  rows_[worker].push_back({level, node, {row.begin(), row.end()}});
  word.fetch_or(bit, std::memory_order_relaxed);
}

void Undo::note_twin(Slot slot) {
  if (slot < sizes_[0]) twins_.push_back({slot, graph_.twin(slot)});
}

void Undo::note_parent(Slot slot) {
  if (slot < sizes_[0]) parents_.push_back({slot, graph_.parent(slot)});
}

std::vector<ChangedRow> Undo::changed() const {
  std::vector<ChangedRow> changed;
  for (const auto& rows : rows_)
    for (const Row& row : rows) {
      if (row.level != 0) continue;
      const auto now = graph_.layer(0).row(row.node);
      const bool added = now.size() >= row.links.size() &&
                         std::equal(row.links.begin(), row.links.end(), now.begin());
      changed.push_back({row.node, added ? static_cast<std::uint32_t>(row.links.size()) : 0});
    }
  std::sort(changed.begin(), changed.end(),
            [](const ChangedRow& a, const ChangedRow& b) { return a.node < b.node; });
  return changed;
}

void Undo::roll_back(Graph& graph) const {
  graph.set_start(start_);
  for (const auto& rows : rows_)
    for (const Row& row : rows) graph.layer(row.level).set_row(row.node, row.links);
  for (auto twin = twins_.rbegin(); twin != twins_.rend(); ++twin)
    graph.set_twin(twin->slot, twin->value);
  for (auto parent = parents_.rbegin(); parent != parents_.rend(); ++parent)
    graph.set_parent(parent->slot, parent->value);
  graph.set_root(root_);
  for (const auto& [level, node] : taken_) graph.layer(level).give_back({&node, 1});
  for (std::uint32_t level = 0; level < max_levels; ++level)
    graph.layer(level).truncate(sizes_[level]);
  graph.parents().resize(sizes_[0]);
  graph.twins().resize(sizes_[0]);
}

}  // namespace vecinal
