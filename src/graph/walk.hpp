/// Best-first search over one level of the graph (Malkov & Yashunin, TPAMI 2020, algorithm 2).
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "core/deadline.hpp"
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
  std::vector<Node> bridges;     ///< rejected neighbours of the expanded node
  Deadline deadline;             ///< walks end when it has passed
  std::uint64_t hops = 0;        ///< counted up, never reset here
  std::uint64_t distances = 0;
};

/// How far a walk goes: it ends when the `window` best nodes are expanded, and keeps `capacity`.
struct Breadth {
  std::size_t window = 0;
  std::size_t capacity = 0;                              ///< >= window
  float gamma = std::numeric_limits<float>::infinity();  ///< fused walks: FusedBreadth
};

/// Collects the unseen neighbours of a node into scratch.fresh. Returns the slots of their rows,
/// scratch.fresh_count of them, which stay until the next call.
const Slot* collect_fresh(const LayerView& layer, Node node, WalkScratch& scratch);

/// The same, and scores them.
void expand(const LayerView& layer, const Scorer& scorer, Node node, WalkScratch& scratch);

/// Fills scratch.pool with the best nodes found from the entry.
void walk(const LayerView& layer, const Scorer& scorer, Scored entry, Breadth breadth,
          WalkScratch& scratch);

/// Offers what was scored to the pool; forgets what it does not admit.
void offer_fresh(WalkScratch& scratch);

/// Asks for the links of a node.
void fetch_links(const LayerView& layer, Node node);

/// Moves to a neighbour as long as one is closer, and returns where that ends.
[[nodiscard]] Scored descend(const LayerView& layer, const Scorer& scorer, Scored entry,
                             WalkScratch& scratch);

/// Moves so through the upper levels, from the graph's entry to where walks over level 0 start.
[[nodiscard]] Scored descend_to_base(const GraphView& graph, const Scorer& scorer,
                                     WalkScratch& scratch);

}  // namespace vecinal
