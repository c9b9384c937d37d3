#include "index/plan.hpp"

#include <algorithm>

namespace vecinal {
namespace {

// Costs in scores of single rows, of some 100 ns where rows come from memory.

/// Rows that an unfiltered walk scores for each of those it keeps.
constexpr double rows_a_place = 40;

/// Bitmap and links of 2 hops, and the scores of what they lead to, for each row that is kept.
constexpr double bridge_a_place = 120;

/// A fused row, with its neighbours' estimates.
constexpr double fused_hop = 6;

/// Under this share of allowed rows, fused walks may end before they come to the nearest ones.
constexpr double least_fused_share = 0.25;

/// A row of an exact scan for one query among so many: it is decoded once for all of them.
double scan_row(std::size_t queries) {
  constexpr std::size_t few = 3;  // backend/scan compares these one by one
  if (queries <= few) return 1;
  return 0.08 + 1.5 / static_cast<double>(queries);
}

double scan_cost(const PlanInputs& inputs) {
  return static_cast<double>(inputs.allowed) * scan_row(inputs.queries);
}

}  // namespace

Breadth bridge_breadth(const Breadth& breadth) {
  Breadth wider = breadth;
  wider.capacity += breadth.capacity / 2;
  return wider;
}

std::size_t walk_budget(const PlanInputs& inputs) {
  return static_cast<std::size_t>(scan_cost(inputs));
}

Plan cheapest_plan(const PlanInputs& inputs) {
  const double share = static_cast<double>(inputs.allowed) /
                       static_cast<double>(std::max(inputs.rows, inputs.allowed));
  const auto capacity = static_cast<double>(inputs.breadth.capacity);
  const bool fused = inputs.fused && share >= least_fused_share;
  const double inside = fused ? fused_hop * static_cast<double>(inputs.breadth.window) / share
                              : rows_a_place * capacity / share;
  const double bridge = bridge_a_place * capacity;
  const double scan = scan_cost(inputs);
  if (scan <= std::min(inside, bridge)) return Plan::scan;
  return inside <= bridge ? Plan::inside : Plan::bridge;
}

}  // namespace vecinal
