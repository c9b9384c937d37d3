/// Which slots hold items. Searches note a population whole; every change makes a new one, so that
/// they see a change whole or not at all.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/bitmap.hpp"
#include "core/types.hpp"

namespace vecinal {

struct Population {
  std::size_t slots = 0;             ///< those that may hold items
  std::size_t count = 0;             ///< items
  std::vector<std::uint64_t> words;  ///< a bit for each slot
  std::vector<std::uint64_t> nodes;  ///< the same, and slots that items need as their node; empty
                                     ///< if there are none

  [[nodiscard]] BitmapView view() const { return {words.data(), slots}; }
  [[nodiscard]] BitmapView node_view() const {
    return nodes.empty() ? view() : BitmapView{nodes.data(), slots};
  }
  [[nodiscard]] bool contains(Slot slot) const { return slot < slots && view().contains(slot); }
  [[nodiscard]] bool everywhere() const { return count == slots; }

  void resize(std::size_t size) {
    slots = size;
    words.resize((size + 63) / 64, 0);
    if (!nodes.empty()) nodes.resize(words.size(), 0);
  }

  /// slots: none of which holds an item.
  void add(std::span<const Slot> added) {
    for (const Slot slot : added) {
      words[slot / 64] |= bit(slot);
      if (!nodes.empty()) nodes[slot / 64] |= bit(slot);
    }
    count += added.size();
  }

  /// slots: each holds an item.
  void remove(std::span<const Slot> removed) {
    for (const Slot slot : removed) {
      words[slot / 64] &= ~bit(slot);
      if (!nodes.empty()) nodes[slot / 64] &= ~bit(slot);
    }
    count -= removed.size();
  }

  /// A slot without an item may be the node of some.
  void keep_node(Slot slot) {
    if (nodes.empty()) nodes = words;
    nodes[slot / 64] |= bit(slot);
  }

  [[nodiscard]] std::size_t bytes() const {
    return (words.capacity() + nodes.capacity()) * sizeof(std::uint64_t);
  }

 private:
  static std::uint64_t bit(Slot slot) { return std::uint64_t{1} << (slot % 64); }
};

}  // namespace vecinal
