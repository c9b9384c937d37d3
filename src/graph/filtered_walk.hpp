/// Best-first search for nodes that a filter accepts, among others that it does not.
///
/// Two ways past the others. Through them: they are scored and expanded like any node, only not
/// kept, so that the walk takes 1 / share of the accepted ones as many scores. Over them: they are
/// never scored; where few neighbours of a node are accepted, those of its rejected neighbours are
/// looked at as well (ACORN-1, Patel et al., SIGMOD 2024; NaviX, PVLDB 18 (2025), decides node by
/// node). That costs looks at links and at the bitmap, whatever the share.
#pragma once

#include <cstdint>
#include <span>

#include "core/bitmap.hpp"
#include "graph/walk.hpp"

namespace vecinal {

/// What a filtered walk looks for, and after how many scores it gives up.
struct Accepted {
  BitmapView nodes;  ///< of level 0: a node is accepted if it, or a row equal to it, is wanted
  std::size_t budget = 0;
  double share = 1;                  ///< of all nodes
  std::span<const Slot> seeds = {};  ///< walks over bridges start at these accepted nodes too
};

[[nodiscard]] inline bool accepts(BitmapView nodes, Node node) {
  return node < nodes.count && nodes.contains(node);
}

/// As walk(), but scratch.pool gets the best accepted nodes; the walk passes through all others.
/// Gives up and returns false after the budget.
[[nodiscard]] bool walk_inside(const LayerView& layer, const Scorer& scorer, Scored entry,
                               Breadth breadth, const Accepted& accepted, WalkScratch& scratch);

/// As walk_inside(), but over rejected nodes, and with twice the breadth where the nodes around the
/// entry are accepted less often than others: the nearest accepted ones are then far, and may lie
/// in any direction. Returns false, too, where it found no way on before
/// the pool was full.
[[nodiscard]] bool walk_bridges(const LayerView& layer, const Scorer& scorer, Scored entry,
                                Breadth breadth, const Accepted& accepted, WalkScratch& scratch);

}  // namespace vecinal
