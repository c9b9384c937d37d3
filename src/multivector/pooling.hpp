/// Token pooling: a document keeps the means of clusters of its vectors (Clavié et al., 2024, arXiv
/// 2409.14683: a factor of 2 costs late interaction nothing, 3 to 4 little).
#pragma once

#include <vector>

#include "vecinal/batch.hpp"

namespace vecinal {

/// Sets whose vectors are the means of clusters: one for every `factor` vectors, rounded up.
class PooledSets {
 public:
  /// Sound sets. Clusters are Ward's, found within stretches of at most 256 vectors.
  PooledSets(const Batch& sets, std::size_t factor, unsigned threads);

  [[nodiscard]] Batch batch() const {
    return {.data = values_.data(),
            .count = offsets_.back(),
            .dim = dim_,
            .stride = 0,
            .offsets = offsets_};
  }

 private:
  std::size_t dim_;
  std::vector<float> values_;
  std::vector<std::size_t> offsets_;
};

}  // namespace vecinal
