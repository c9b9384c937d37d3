/// Takes removed slots out of the graph, so that nothing leads to them and they can be used again.
///
/// One pass over the links finds every row that leads to a removed node. Such a link is replaced by
/// links to the removed node's own neighbours, pruned and filled up to the number there was (the
/// local repair of IP-DiskANN, arXiv 2502.13826, and Greator, PVLDB 2025, without their search for
/// the rows: many removed nodes share the pass). Links between nodes that stay are kept. On level
/// 0, subtrees that lost their parent are adopted by a near node of another subtree.
///
/// A removed node with a twin that stays remains a step of the graph. The same result for any
/// number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/bitmap.hpp"
#include "graph/builder.hpp"
#include "graph/graph.hpp"
#include "graph/tree.hpp"
#include "graph/undo.hpp"

namespace vecinal {

class Repair {
 public:
  /// params: as for the Builder of the graph.
  Repair(Graph& graph, const Storage& rows, const BuildParams& params);
  ~Repair();

  /// removed: slots that the graph holds, ascending. If memory runs out, the graph is rolled back
  /// and the exception passed on.
  void run(std::span<const Slot> removed);

  /// Slots that nothing leads to any more, ascending.
  [[nodiscard]] std::span<const Slot> gone() const { return gone_; }

  /// Nodes of level 0 that stay and whose links have changed, ascending.
  [[nodiscard]] std::vector<ChangedRow> changed() const { return undo_.changed(); }

  /// Takes everything back.
  void roll_back() { undo_.roll_back(graph_); }

  /// Makes the slots that are gone free. No reader that began before run() ended may be left.
  void release();

 private:
  struct Worker;

  [[nodiscard]] bool is_gone(Slot slot) const { return BitmapView{words_.data()}.contains(slot); }
  void mark(std::span<const Slot> removed);
  void leave_ring(Slot slot, BitmapView removed, std::vector<bool>& seen);
  void go(Slot slot);
  [[nodiscard]] bool leaves_nothing() const;
  void repair_level(std::uint32_t level);
  void repair_row(std::uint32_t level, Node node, Worker& worker, unsigned number);
  void find_near(const LayerView& layer, Node node, Worker& worker) const;
  [[nodiscard]] std::vector<Slot> orphans();
  void mend_tree();
  void choose_start();

  Graph& graph_;
  const Storage& rows_;
  BuildParams params_;
  Undo undo_;
  Tree tree_;
  std::vector<Slot> gone_;
  std::vector<std::uint64_t> words_;           ///< gone_ as a bitmap
  std::vector<std::vector<Node>> gone_nodes_;  ///< by level
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace vecinal
