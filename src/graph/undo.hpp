/// Remembers what is changed of a graph, so that a change which fails or is cancelled leaves that
/// graph as it was.
#pragma once

#include <array>
#include <vector>

#include "graph/graph.hpp"

namespace vecinal {

/// A node of level 0 whose links are others than before.
struct ChangedRow {
  ChangedRow(Slot changed, std::uint32_t links_kept = 0) : node(changed), kept(links_kept) {}

  Slot node;
  std::uint32_t kept;  ///< if links were only added, as many as there were before; else 0
};

class Undo {
 public:
  /// Notes the sizes now; later calls note things before their first change.
  explicit Undo(const Graph& graph);

  /// Before a row changes. Several threads may note different nodes of a level at once, each as its
  /// own worker.
  void note_row(std::uint32_t level, Node node, unsigned worker);
  void note_twin(Slot slot);
  void note_parent(Slot slot);

  /// Before a node that was given back is placed again.
  void note_taken(std::uint32_t level, Node node) { taken_.push_back({level, node}); }

  void set_workers(unsigned workers) { rows_.resize(workers); }

  /// Puts everything back.
  void roll_back(Graph& graph) const;

  /// Nodes of level 0 that were there before and whose links were noted, ascending.
  [[nodiscard]] std::vector<ChangedRow> changed() const;

 private:
  struct Row {
    std::uint32_t level;
    Node node;
    std::vector<Node> links;
  };
  struct Pointer {
    Slot slot;
    Slot value;
  };
  struct Taken {
    std::uint32_t level;
    Node node;
  };
  const Graph& graph_;
  Start start_;
  Slot root_;
  std::array<std::size_t, max_levels> sizes_{};
  std::array<std::vector<std::uint64_t>, max_levels> noted_;  ///< a bit a node
  std::vector<std::vector<Row>> rows_;
  std::vector<Pointer> twins_;
  std::vector<Pointer> parents_;
  std::vector<Taken> taken_;
};

}  // namespace vecinal
