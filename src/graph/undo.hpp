/// Remembers what a build changes of the graph that was there before, so that a build which fails
/// or is cancelled leaves that graph as it was.
#pragma once

#include <array>
#include <vector>

#include "graph/graph.hpp"

namespace vecinal {

class Undo {
 public:
  /// Notes the sizes now; later calls note rows before their first change.
  explicit Undo(const Graph& graph);

  /// Before a row changes. Several threads may note different nodes of a level at once, each as its
  /// own worker.
  void note_row(std::uint32_t level, Node node, unsigned worker);
  void note_twin(Slot slot);

  void set_workers(unsigned workers) { rows_.resize(workers); }

  /// Puts everything back.
  void roll_back(Graph& graph) const;

  /// Nodes of a level that were there before and whose links were noted.
  [[nodiscard]] std::vector<Node> changed(std::uint32_t level) const;

  [[nodiscard]] std::size_t old_size(std::uint32_t level) const { return sizes_[level]; }

 private:
  struct Row {
    std::uint32_t level;
    Node node;
    std::vector<Node> links;
  };
  struct Twin {
    Slot slot;
    Slot next;
  };
  const Graph& graph_;
  std::uint32_t levels_;
  std::array<std::size_t, max_levels> sizes_{};
  std::array<std::vector<std::uint8_t>, max_levels> noted_;
  std::vector<std::vector<Row>> rows_;
  std::vector<Twin> twins_;
};

}  // namespace vecinal
