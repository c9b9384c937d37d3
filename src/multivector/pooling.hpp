/// Token pooling: a document keeps the means of clusters of its vectors (Clavié et al., 2024, arXiv
/// 2409.14683: a factor of 2 costs late interaction nothing, 3 to 4 little).
#pragma once

#include "multivector/sets.hpp"

namespace vecinal {

/// Sets whose vectors are the means of clusters: one for every `factor` vectors, rounded up. Sound
/// sets. Clusters are Ward's, found within stretches of at most 256 vectors.
[[nodiscard]] OwnedSets pool_sets(const Batch& sets, std::size_t factor, unsigned threads);

}  // namespace vecinal
