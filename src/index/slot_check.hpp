/// Whether the parts of an index of vectors agree on its slots.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/id_map.hpp"
#include "core/progress.hpp"
#include "graph/graph.hpp"
#include "index/population.hpp"

namespace vecinal {

/// What knows of slots. Views.
struct SlotParts {
  std::size_t rows = 0;
  std::size_t size = 0;          ///< items that the index says it has
  const Graph* graph = nullptr;  ///< none: exact search only
  const IdMap& ids;
  const Population& population;
  std::span<const Slot> free;  ///< that wait for new items
};

/// Broken rules in words: those of the graph, as many ids and nodes as rows, as many items as are
/// counted, none of them in a free slot, each in the graph and found by its id. Told of rows; what
/// the watch throws ends it.
[[nodiscard]] std::vector<std::string> check_slots(const SlotParts& parts, const Stretch& watch);

}  // namespace vecinal
