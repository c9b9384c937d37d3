/// How the links of an index are pruned.
#pragma once

#include "graph/select.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

/// In the fused layout places of a row cost the same whether taken or not, so that rows are filled,
/// and keep longer links. alpha 1 for inner product: a factor on scores of either sign would prune
/// without sense.
[[nodiscard]] Geometry geometry_of(const Config& config);

}  // namespace vecinal
