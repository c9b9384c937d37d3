// The invariants of graph.hpp, verified.
#include <algorithm>

#include "core/concat.hpp"
#include "graph/graph.hpp"

namespace vecinal {
namespace {

/// Keeps the first few faults: one broken file would otherwise report a line for every row.
class Faults {
 public:
  template <class... Parts>
  void add(const Parts&... parts) {
    if (found_.size() < 20) found_.push_back(concat(parts...));
  }
  [[nodiscard]] bool found() const { return !found_.empty(); }
  std::vector<std::string> take() { return std::move(found_); }

 private:
  std::vector<std::string> found_;
};

bool holds(const Layer& layer, Node node, Node link) {
  const auto row = layer.row(node);
  return std::find(row.begin(), row.end(), link) != row.end();
}

void check_rows(const Layer& layer, std::uint32_t level, Faults& faults, const Stretch& watch) {
  std::vector<Node> sorted;
  for (Node node = 0; node < layer.size(); ++node) {
    watch.step(node, layer.size());
    const auto row = layer.row(node);
    const Node* all = layer.links().data() + static_cast<std::size_t>(node) * layer.degree();
    for (std::size_t i = row.size(); i < layer.degree(); ++i)
      if (all[i] != no_slot)
        faults.add("graph level ", level, ": node ", node, " has a link after its end");
    sorted.assign(row.begin(), row.end());
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
      faults.add("graph level ", level, ": node ", node, " links twice to a node");
    for (const Node next : row)
      if (next >= layer.size() || next == node)
        faults.add("graph level ", level, ": node ", node, " links to ", next);
  }
}

void check_upper(const Graph& graph, std::uint32_t level, Faults& faults) {
  const Layer& layer = graph.layer(level);
  const Layer& below = graph.layer(level - 1);
  for (Node node = 0; node < layer.size(); ++node) {
    const Slot slot = layer.slots()[node];
    const Node down = layer.down()[node];
    if (slot == no_slot && down == no_slot && layer.row(node).empty()) continue;
    if (slot >= graph.size() || down >= below.size() || graph.parent(slot) == no_slot)
      faults.add("graph level ", level, ": node ", node, " stands for slot ", slot, " and node ",
                 down, " below");
    else if (below.view().slot(down) != slot)
      faults.add("graph level ", level, ": node ", node,
                 " and its node below stand for different slots");
  }
}

/// A link must lead to a node, or a search would take what it finds there for one.
void check_links(const Graph& graph, std::uint32_t level, Faults& faults, const Stretch& watch) {
  const Layer& layer = graph.layer(level);
  for (Node node = 0; node < layer.size(); ++node) {
    watch.step(node, layer.size());
    for (const Node next : layer.row(node))
      if (level == 0 ? graph.parent(next) == no_slot : layer.slots()[next] == no_slot)
        faults.add("graph level ", level, ": node ", node, " links to ", next,
                   ", which is no node");
  }
}

/// Every ring must close, or a search that follows it would not end.
void check_twins(const Graph& graph, Faults& faults) {
  std::vector<bool> reached(graph.twins().size(), false);
  for (Slot slot = 0; slot < graph.twins().size(); ++slot) {
    const Slot next = graph.twin(slot);
    if (next == no_slot) continue;
    if (next >= graph.twins().size() || graph.twin(next) == no_slot || reached[next])
      faults.add("graph: slot ", slot, " is in a broken ring of twins");
    else
      reached[next] = true;
  }
}

void check_tree(const Graph& graph, Faults& faults, const Stretch& watch) {
  const Layer& base = graph.layer(0);
  std::size_t roots = 0;
  std::size_t nodes = 0;
  for (Slot slot = 0; slot < graph.parents().size(); ++slot) {
    watch.step(slot, graph.parents().size());
    const Slot parent = graph.parent(slot);
    if (parent == no_slot) {
      if (!base.row(slot).empty()) faults.add("graph: slot ", slot, " has links but no parent");
      continue;
    }
    ++nodes;
    if (parent == slot)
      ++roots;
    else if (parent >= graph.parents().size())
      faults.add("graph: slot ", slot, " has parent ", parent);
    else if (!holds(base, parent, slot) || !holds(base, slot, parent))
      faults.add("graph: slot ", slot, " and its parent ", parent, " are not linked both ways");
  }
  if (nodes != 0 && roots != 1) faults.add("graph: ", roots, " roots instead of 1");
}

void check_reachable(const Graph& graph, Faults& faults, const Stretch& watch) {
  std::vector<bool> seen(graph.size(), false);
  std::vector<Slot> open;
  for (Slot slot = 0; slot < graph.parents().size(); ++slot)
    if (graph.parent(slot) == slot) open.push_back(slot);
  for (const Slot root : open) seen[root] = true;
  for (std::size_t visited = 0; !open.empty(); ++visited) {
    watch.step(visited, graph.size());
    const Slot slot = open.back();
    open.pop_back();
    for (const Node next : graph.layer(0).row(slot))
      if (next < seen.size() && !seen[next]) {
        seen[next] = true;
        open.push_back(next);
      }
  }
  for (Slot slot = 0; slot < graph.parents().size(); ++slot)
    if (graph.parent(slot) != no_slot && !seen[slot])
      faults.add("graph: slot ", slot, " cannot be reached");
}

}  // namespace

std::vector<std::string> Graph::check(const Stretch& watch) const {
  Faults faults;
  const std::size_t slots = parents_.size();
  if (twins_.size() != slots || layers_[0].size() != slots) {
    faults.add("graph: ", slots, " parents, ", twins_.size(), " twins, ", layers_[0].size(),
               " nodes");
    return faults.take();
  }
  // Level 0 is nearly all there is.
  for (std::uint32_t level = 0; level < levels(); ++level) {
    if (layers_[level].size() == 0) faults.add("graph level ", level, " is empty");
    check_rows(layers_[level], level, faults, level == 0 ? watch.part(0, .4) : Stretch());
  }
  if (faults.found()) return faults.take();
  for (std::uint32_t level = 0; level < levels(); ++level) {
    if (level > 0) check_upper(*this, level, faults);
    check_links(*this, level, faults, level == 0 ? watch.part(.4, .6) : Stretch());
  }
  check_twins(*this, faults);
  check_tree(*this, faults, watch.part(.6, .8));
  check_reachable(*this, faults, watch.part(.8, 1));
  return faults.take();
}

}  // namespace vecinal
