/// A search from the entry of the graph down to level 0 and over it, one node at a time, so that
/// several queries can take turns: while the rows of one are scored, the links of another come from
/// memory, and then the first of its rows. Finds what descend_to_base() and walk() find.
#pragma once

#include "graph/walk.hpp"

namespace vecinal {

class SplitWalk {
 public:
  /// Starts with a query, of which scorer.query outlives the walk.
  void begin(const GraphView& graph, const Scorer& scorer, Breadth breadth);

  [[nodiscard]] bool over() const { return node_ == no_slot; }

  /// Collects the neighbours of the next node.
  void collect();

  /// Scores what was collected, and chooses the next node. ahead: a walk that has collected, whose
  /// rows are fetched meanwhile; or null.
  void score(const SplitWalk* ahead);

  /// Visited nodes, counts, and when the walk is over, the pool.
  WalkScratch scratch;

  [[nodiscard]] const kernels::QueryView& query() const { return scorer_.query; }

 private:
  void enter(std::uint32_t level, Scored entry);
  void choose();

  const GraphView* graph_ = nullptr;
  Scorer scorer_;
  Breadth breadth_;
  std::uint32_t level_ = 0;
  Scored best_;  ///< above level 0: the node whose neighbours are looked at
  Node node_ = no_slot;
  const Slot* slots_ = nullptr;  ///< of what was collected
};

}  // namespace vecinal
