/// The spanning tree of level 0: parents, and links that pruning must not drop.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "graph/graph.hpp"
#include "graph/undo.hpp"

namespace vecinal {

class Tree {
 public:
  /// undo gets to know of every change.
  Tree(Graph& graph, Undo& undo) : graph_(graph), undo_(undo) {}

  /// Nodes whose rows adopt() has changed since the last call.
  [[nodiscard]] std::vector<Node> take_changed() { return std::exchange(changed_, {}); }

  [[nodiscard]] std::uint32_t children(Slot slot) const;

  /// So many children a node may have: its row holds them, its parent and others.
  [[nodiscard]] std::uint32_t most_children() const { return graph_.degree() / 2; }

  /// True if one of the two is the other's parent.
  [[nodiscard]] bool joins(Slot a, Slot b) const {
    return graph_.parent(a) == b || graph_.parent(b) == a;
  }

  /// Makes `parent`, a node, the parent and links both ways; false if it has all the children it
  /// may have.
  bool adopt(Slot orphan, Slot parent);

  /// Adopts as a child of one of the nodes, or of a node below them.
  void adopt_below(Slot orphan, std::span<const Slot> nodes);

 private:
  void link(Slot from, Slot to);

  Graph& graph_;
  Undo& undo_;
  std::vector<Slot> open_;
  std::vector<Node> changed_;
};

}  // namespace vecinal
