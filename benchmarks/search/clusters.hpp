/// Rows grouped by similarity: how an adversary, or a sorted corpus, would hand them to an index.
#pragma once

#include <cstddef>
#include <vector>

#include "matrix.hpp"

namespace vecinal::bench {

/// The row numbers of a matrix, cluster after cluster. The clusters come from a few rounds of
/// k-means (Lloyd) with squared Euclidean distance, which start from evenly spaced rows, so that
/// the same data give the same order.
[[nodiscard]] std::vector<std::size_t> rows_by_cluster(const cli::FloatMatrix& matrix,
                                                       std::size_t clusters);

}  // namespace vecinal::bench
