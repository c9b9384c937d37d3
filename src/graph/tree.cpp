#include "graph/tree.hpp"

#include <algorithm>

namespace vecinal {

std::uint32_t Tree::children(Slot slot) const {
  std::uint32_t count = 0;
  for (const Node node : graph_.layer(0).row(slot))
    count += graph_.parent(node) == slot && node != slot ? 1U : 0U;
  return count;
}

bool Tree::adopt(Slot orphan, Slot parent) {
  if (graph_.parent(parent) == no_slot || children(parent) >= most_children()) return false;
  undo_.note_parent(orphan);
  graph_.set_parent(orphan, parent);
  link(parent, orphan);
  link(orphan, parent);
  return true;
}

void Tree::link(Slot from, Slot to) {
  Layer& layer = graph_.layer(0);
  const auto row = layer.row(from);
  std::vector<Node> links(row.begin(), row.end());
  if (std::find(links.begin(), links.end(), to) != links.end()) return;
  undo_.note_row(0, from, 0);
  changed_.push_back(from);
  if (links.size() == layer.degree()) {
    const auto loose =
        std::find_if(links.rbegin(), links.rend(), [&](Node node) { return !joins(node, from); });
    links.erase(std::next(loose).base());
  }
  links.push_back(to);
  layer.set_row(from, links);
}

void Tree::adopt_below(Slot orphan, std::span<const Slot> nodes) {
  open_.assign(nodes.begin(), nodes.end());
  for (std::size_t i = 0; i < open_.size(); ++i) {
    if (adopt(orphan, open_[i])) return;
    for (const Node next : graph_.layer(0).row(open_[i]))
      if (graph_.parent(next) == open_[i] && next != open_[i]) open_.push_back(next);
  }
}

}  // namespace vecinal
