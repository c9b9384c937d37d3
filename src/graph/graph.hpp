/// The graph of an index: levels of links, a spanning tree that keeps level 0 in one piece, and
/// twin rings.
///
/// * Level 0 has a node for every slot; level l > 0 for about one in M^l of them, in the order they
///   came. Searches start at the first node of the top level, or at the tree's root if level 0 is
///   the top.
/// * Tree: every node but the root has a parent; parent and child link to each other and no pruning
///   drops those links. So every node can be reached from every other, always.
/// * Twins: identical rows share one node. The ring of a node lists the slots with the same row;
///   slots that are not the node have no links. Copies would otherwise fill each other's rows and
///   cut themselves off.
/// * Free slots, which were removed (graph/repair), have no links, no parent and no ring, and
///   nothing leads to them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "core/growable_array.hpp"
#include "core/progress.hpp"
#include "core/types.hpp"
#include "graph/layer.hpp"

namespace vecinal {

inline constexpr std::uint32_t max_levels = 16;

/// Where searches start: a node of the top level. Aligned so that every compiler reads it in one
/// load.
struct alignas(8) Start {
  std::uint32_t levels = 0;
  Node entry = no_slot;
};

/// Read side of the whole graph, taken at one moment.
struct GraphView {
  std::array<LayerView, max_levels> layers;
  std::uint32_t levels = 0;
  const Slot* twins = nullptr;

  Node start = no_slot;
  bool twinned = false;  ///< some ring has more than one slot

  [[nodiscard]] bool empty() const { return levels == 0; }

  /// The node of the top level where searches start.
  [[nodiscard]] Node entry() const { return start; }

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
  [[nodiscard]] Start start() const { return start_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint32_t levels() const { return start().levels; }
  [[nodiscard]] std::uint32_t degree() const { return layers_[0].degree(); }
  [[nodiscard]] Layer& layer(std::uint32_t level) { return layers_[level]; }
  [[nodiscard]] const Layer& layer(std::uint32_t level) const { return layers_[level]; }

  /// Adds `count` slots without links to level 0, the parents and the rings; publishes nothing.
  void grow(std::size_t slots);

  /// Publishes how many levels there are, each with a node, and so where searches start.
  void set_levels(std::uint32_t levels);
  void set_start(Start start) { start_.store(start, std::memory_order_release); }

  /// The tree's root: its own parent. no_slot: there is none.
  void set_root(Slot slot) {
    if (slot != no_slot) set_parent(slot, slot);
    root_ = slot;
  }
  [[nodiscard]] Slot root() const { return root_; }

  [[nodiscard]] Slot parent(Slot slot) const { return parents_[slot]; }
  void set_parent(Slot slot, Slot parent) { parents_[slot] = parent; }

  /// Puts `slot` into the ring of `node`.
  void add_twin(Slot node, Slot slot);
  [[nodiscard]] Slot twin(Slot slot) const { return twins_[slot]; }

  /// True if a search can meet the slot: as a node or in the ring of one.
  [[nodiscard]] bool holds(Slot slot) const {
    return parents_[slot] != no_slot || twins_[slot] != no_slot;
  }
  void set_twin(Slot slot, Slot next);

  /// Once rings were read as they are.
  void find_twins() { twinned_ = twin_count() != 0; }

  /// Becomes a copy of the slots of `from`, ascending, which are all that it holds: they are now 0,
  /// 1, 2, ... This graph is empty before.
  void copy(const Graph& from, std::span<const Slot> slots, const Stretch& told);

  /// No reader may be running.
  void swap(Graph& other) noexcept;

  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] double mean_degree() const;
  [[nodiscard]] std::size_t twin_count() const;

  /// Broken invariants in words, the first twenty; none for a sound graph. What the watch throws
  /// ends it.
  [[nodiscard]] std::vector<std::string> check(const Stretch& watch = {}) const;

  GrowableArray<Slot>& parents() { return parents_; }
  GrowableArray<Slot>& twins() { return twins_; }
  [[nodiscard]] const GrowableArray<Slot>& parents() const { return parents_; }
  [[nodiscard]] const GrowableArray<Slot>& twins() const { return twins_; }

  void release_retired();

  /// Nodes of upper levels that were given back stand for no slot from now on.
  void clear_free() {
    for (std::uint32_t level = 1; level < max_levels; ++level) layers_[level].clear_free();
  }

 private:
  std::deque<Layer> layers_;
  std::atomic<bool> twinned_{false};
  std::atomic<Start> start_{Start{}};
  Slot root_ = no_slot;
  GrowableArray<Slot> parents_;
  GrowableArray<Slot> twins_;
};

}  // namespace vecinal
