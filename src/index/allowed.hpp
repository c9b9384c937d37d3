/// The slots that a search may return: those that live and pass the filter.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "core/bitmap.hpp"
#include "graph/graph.hpp"
#include "index/population.hpp"

namespace vecinal {

struct Allowed {
  const Population* population = nullptr;
  bool unfiltered = false;           ///< every item; words are not needed
  bool everything = false;           ///< every item, and every slot holds one
  std::vector<std::uint64_t> words;  ///< by slot
  std::size_t count = 0;             ///< slots that are allowed

  [[nodiscard]] BitmapView view() const {
    return unfiltered ? population->view() : BitmapView{words.data(), population->slots};
  }

  /// Calls visit(slot) for each of them, in ascending order.
  template <class Visit>
  void for_each(Visit visit) const {
    const BitmapView all = view();
    for (std::size_t w = 0; w < (all.count + 63) / 64; ++w)
      for (std::uint64_t word = all.word(w); word != 0; word &= word - 1)
        visit(static_cast<Slot>(w * 64 + static_cast<std::size_t>(std::countr_zero(word))));
  }

  /// Adds those with the same row as an allowed one, of which one is the node of them all.
  [[nodiscard]] Allowed with_twins(const GraphView& graph) const;

  /// About `most` allowed nodes of the graph, evenly spread.
  [[nodiscard]] std::vector<Slot> sample(const GraphView& graph, std::size_t most) const;
};

}  // namespace vecinal
