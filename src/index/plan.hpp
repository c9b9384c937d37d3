/// How a search goes about its filter: by what each way would cost.
#pragma once

#include <cstddef>

#include "graph/walk.hpp"
#include "vecinal/filter.hpp"

namespace vecinal {

/// What is known of a search before it starts.
struct PlanInputs {
  std::size_t rows = 0;     ///< visible ones
  std::size_t allowed = 0;  ///< of these
  std::size_t queries = 0;
  Breadth breadth;
  bool fused = false;  ///< fused rows can be walked
};

/// The cheapest way; docs/filters.md has the measurements that the costs are taken from.
[[nodiscard]] Plan cheapest_plan(const PlanInputs& inputs);

/// How far a walk over bridges goes: it sees fewer rows than others, so it takes more of them.
[[nodiscard]] Breadth bridge_breadth(const Breadth& breadth);

/// Scores after which a walk past rejected rows costs more than comparing with all allowed ones.
[[nodiscard]] std::size_t walk_budget(const PlanInputs& inputs);

}  // namespace vecinal
