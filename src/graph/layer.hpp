/// One level of the graph: rows of links. Nodes are numbered within the level; level 0 numbers are
/// slots.
///
/// A row holds up to `degree` node numbers and then no_slot. Rows are written before they are
/// linked to, and each link is one 32-bit store, so a reader beside the writer sees an old or a new
/// neighbour, never garbage. Nodes of upper levels that were given back stand for no slot until
/// they are taken again.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/growable_array.hpp"
#include "core/types.hpp"

namespace vecinal {

/// A node's number within its level.
using Node = std::uint32_t;

/// Read side: pointers taken at one moment.
struct LayerView {
  const Node* links = nullptr;
  const Slot* slots = nullptr;  ///< slot of each node; null on level 0, where they are equal
  const Node* down = nullptr;   ///< the same item's node one level below; null on level 0
  std::uint32_t degree = 0;
  std::size_t count = 0;  ///< nodes; links to later ones are ignored by this view

  [[nodiscard]] Slot slot(Node node) const { return slots == nullptr ? node : slots[node]; }

  [[nodiscard]] static Node load(const Node& link) {
    return std::atomic_ref(const_cast<Node&>(link)).load(std::memory_order_acquire);
  }

  [[nodiscard]] const Node* row(Node node) const {
    return links + static_cast<std::size_t>(node) * degree;
  }

  /// Calls visit(node) for each link.
  template <class Visit>
  void for_links(Node node, Visit visit) const {
    const Node* linked = row(node);
    for (std::uint32_t i = 0; i < degree; ++i) {
      const Node next = load(linked[i]);
      if (next == no_slot) return;
      if (next < count) visit(next);
    }
  }
};

class Layer {
 public:
  /// upper: the level keeps slots and down links of its own.
  Layer(std::uint32_t degree, bool upper) : degree_(degree), upper_(upper) {}

  [[nodiscard]] std::uint32_t degree() const { return degree_; }
  [[nodiscard]] std::size_t size() const { return count_.load(std::memory_order_acquire); }
  [[nodiscard]] LayerView view() const {
    const std::size_t count = size();
    return {links_.data(), upper_ ? slots_.data() : nullptr, upper_ ? down_.data() : nullptr,
            degree_, count};
  }

  /// Adds nodes with empty rows, not yet visible to new views.
  void grow(std::size_t count) {
    links_.resize(count * degree_, no_slot);
    if (upper_) {
      slots_.resize(count, no_slot);
      down_.resize(count, no_slot);
    }
  }

  /// Makes the first `count` nodes visible.
  void publish(std::size_t count) { count_.store(count, std::memory_order_release); }

  void truncate(std::size_t count) {
    publish(count);
    std::erase_if(free_, [&](Node node) { return node >= count; });
    links_.resize(count * degree_);
    if (upper_) {
      slots_.resize(count);
      down_.resize(count);
    }
  }

  void place(Node node, Slot slot, Node down) {
    slots_[node] = slot;
    down_[node] = down;
  }

  /// Upper levels: the least node that was given back; no_slot if there is none.
  [[nodiscard]] Node next_free() const { return free_.empty() ? no_slot : free_.back(); }
  void take_free() { free_.pop_back(); }

  /// Memory for so many more nodes that are given back.
  void expect_back(std::size_t nodes) { free_.reserve(free_.size() + nodes); }

  /// Upper levels: nothing leads to the nodes any more. Readers may still look at them, until
  /// clear_free().
  void give_back(std::span<const Node> nodes) {
    for (const Node node : nodes) {
      set_row(node, {});
      free_.push_back(node);
    }
    std::sort(free_.begin(), free_.end(), std::greater<>());
  }

  /// Nodes that were given back stand for no slot from now on.
  void clear_free() {
    for (const Node node : free_) place(node, no_slot, no_slot);
  }

  /// Finds the nodes of a loaded level that were given back.
  void find_free() {
    free_.clear();
    for (std::size_t node = slots_.size(); node-- > 0;)
      if (slots_[node] == no_slot) free_.push_back(static_cast<Node>(node));
  }

  /// Replaces a row; the rest becomes no_slot.
  void set_row(Node node, std::span<const Node> row) {
    Node* links = links_.data() + static_cast<std::size_t>(node) * degree_;
    for (std::uint32_t i = 0; i < degree_; ++i)
      std::atomic_ref(links[i]).store(i < row.size() ? row[i] : no_slot, std::memory_order_release);
  }

  [[nodiscard]] std::span<const Node> row(Node node) const {
    const Node* links = links_.data() + static_cast<std::size_t>(node) * degree_;
    std::uint32_t used = 0;
    while (used < degree_ && links[used] != no_slot) ++used;
    return {links, used};
  }

  [[nodiscard]] std::size_t bytes() const {
    return links_.bytes() + slots_.bytes() + down_.bytes();
  }

  GrowableArray<Node>& links() { return links_; }
  GrowableArray<Slot>& slots() { return slots_; }
  GrowableArray<Node>& down() { return down_; }
  [[nodiscard]] const GrowableArray<Node>& links() const { return links_; }
  [[nodiscard]] const GrowableArray<Slot>& slots() const { return slots_; }
  [[nodiscard]] const GrowableArray<Node>& down() const { return down_; }

 private:
  std::uint32_t degree_;
  bool upper_;
  std::atomic<std::size_t> count_{0};
  GrowableArray<Node> links_;
  GrowableArray<Slot> slots_;
  GrowableArray<Node> down_;
  std::vector<Node> free_;  ///< descending
};

}  // namespace vecinal
