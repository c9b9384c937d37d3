/// The graph of an index: levels of links, a spanning tree that keeps level 0 in one piece, and
/// twin rings.
///
/// * Level 0 has a node for every slot; level l > 0 for about one in M^l of them, in the order they
/// came. The top
///   level's node 0 is where searches start, or the tree's root if level 0 is the top.
/// * Tree: every node but the first has a parent that came before it; parent and child link to each
/// other and no
///   pruning drops those links. So every node can be reached from every other, always.
/// * Twins: identical rows share one node. The ring of a node lists the slots with the same row;
/// slots that are
///   not the node have no links. Copies would otherwise fill each other's rows and cut themselves
///   off.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/growable_array.hpp"
#include "core/types.hpp"
#include "graph/layer.hpp"

namespace vecinal {

inline constexpr std::uint32_t max_levels = 16;

/// Read side of the whole graph, taken at one moment.
struct GraphView {
  std::array<LayerView, max_levels> layers;
  std::uint32_t levels = 0;
  const Slot* twins = nullptr;

  Slot root = no_slot;   ///< the first node of level 0
  bool twinned = false;  ///< some ring has more than one slot

  [[nodiscard]] bool empty() const { return levels == 0; }

  /// The node of the top level where searches start.
  [[nodiscard]] Node entry() const { return levels == 1 ? root : 0; }

  /// Calls visit(slot) for a slot and all slots with the same row.
  template <class Visit>
  void for_twins(Slot slot, Visit visit) const {
    Slot at = slot;
    do {
      visit(at);
      at = LayerView::load(twins[at]);
    } while (at != no_slot && at != slot);
  }
};

class Graph {
 public:
  explicit Graph(std::uint32_t degree);

  [[nodiscard]] GraphView view() const;
  [[nodiscard]] std::size_t size() const { return layers_[0].size(); }
  [[nodiscard]] std::uint32_t levels() const { return levels_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint32_t degree() const { return layers_[0].degree(); }
  [[nodiscard]] Layer& layer(std::uint32_t level) { return layers_[level]; }
  [[nodiscard]] const Layer& layer(std::uint32_t level) const { return layers_[level]; }

  /// Adds `count` slots without links to level 0, the parents and the rings; publishes nothing.
  void grow(std::size_t slots);
  void set_levels(std::uint32_t levels) { levels_.store(levels, std::memory_order_release); }

  /// The first node: its own parent.
  void set_root(Slot slot) {
    set_parent(slot, slot);
    root_.store(slot, std::memory_order_release);
  }

  [[nodiscard]] Slot parent(Slot slot) const { return parents_[slot]; }
  void set_parent(Slot slot, Slot parent) { parents_[slot] = parent; }

  /// Puts `slot` into the ring of `node`.
  void add_twin(Slot node, Slot slot);
  [[nodiscard]] Slot twin(Slot slot) const { return twins_[slot]; }
  void set_twin(Slot slot, Slot next);

  /// Once rings were read as they are.
  void find_twins() { twinned_ = twin_count() != 0; }

  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] double mean_degree() const;
  [[nodiscard]] std::size_t twin_count() const;

  /// Broken invariants in words, the first twenty; none for a sound graph.
  [[nodiscard]] std::vector<std::string> check() const;

  GrowableArray<Slot>& parents() { return parents_; }
  GrowableArray<Slot>& twins() { return twins_; }
  [[nodiscard]] const GrowableArray<Slot>& parents() const { return parents_; }
  [[nodiscard]] const GrowableArray<Slot>& twins() const { return twins_; }

  void release_retired();

 private:
  std::deque<Layer> layers_;
  std::atomic<std::uint32_t> levels_{0};
  std::atomic<Slot> root_{no_slot};
  std::atomic<bool> twinned_{false};
  GrowableArray<Slot> parents_;
  GrowableArray<Slot> twins_;
};

}  // namespace vecinal
