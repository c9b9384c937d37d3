/// Best-first search over one level of the graph (Malkov & Yashunin, TPAMI 2020, algorithm 2).
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/bitmap.hpp"
#include "core/types.hpp"
#include "core/visited_set.hpp"
#include "encoding/storage.hpp"
#include "graph/graph.hpp"
#include "graph/layer.hpp"
#include "graph/pool.hpp"

namespace vecinal {

/// What one walk needs and the next one reuses.
struct WalkScratch {
  VisitedSet visited;
  Pool pool;                ///< the result: best nodes first
  std::vector<Node> fresh;  ///< neighbours of the expanded node that were not seen before
  std::vector<Slot> fresh_slots;
  std::vector<float> scores;
  std::size_t fresh_count = 0;
  std::vector<Scored> frontier;  ///< heap of nodes to expand, of filtered walks
  std::uint64_t hops = 0;        ///< counted up, never reset here
  std::uint64_t distances = 0;
};

/// How far a walk goes: it ends when the `window` best nodes are expanded, and keeps `capacity`.
struct Breadth {
  std::size_t window = 0;
  std::size_t capacity = 0;                              ///< >= window
  float gamma = std::numeric_limits<float>::infinity();  ///< fused walks: FusedBreadth
};

/// Fills scratch.pool with the best nodes found from the entry.
void walk(const LayerView& layer, const Scorer& scorer, Scored entry, Breadth breadth,
          WalkScratch& scratch);

/// The rows a filtered walk looks for, and after how many distances it gives up.
struct Accepted {
  BitmapView rows;
  std::size_t budget = 0;
};

/// True if a slot or one with the same row is accepted.
[[nodiscard]] inline bool accepts(const GraphView& graph, BitmapView rows, Slot node) {
  bool found = false;
  graph.for_twins(node,
                  [&](Slot slot) { found = found || (slot < rows.count && rows.contains(slot)); });
  return found;
}

/// As walk(), but scratch.pool gets the best nodes that `accepted` holds a twin of; the walk passes
/// through all others. Gives up and returns false after the budget: a scan of the accepted
/// rows is then cheaper.
[[nodiscard]] bool walk_filtered(const GraphView& graph, const Scorer& scorer, Scored entry,
                                 Breadth breadth, const Accepted& accepted, WalkScratch& scratch);

/// Moves to a neighbour as long as one is closer, and returns where that ends.
[[nodiscard]] Scored descend(const LayerView& layer, const Scorer& scorer, Scored entry,
                             WalkScratch& scratch);

}  // namespace vecinal
