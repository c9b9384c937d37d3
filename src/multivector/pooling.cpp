#include "multivector/pooling.hpp"

#include <algorithm>
#include <limits>

#include "core/parallel.hpp"

namespace vecinal {
namespace {

constexpr std::size_t stretch = 256;

/// Agglomerates vectors until few enough clusters are left; the pair whose union adds the least
/// squared error is joined first (Ward), the first of equals.
class Clusters {
 public:
  Clusters(const Batch& vectors, std::size_t begin, std::size_t count)
      : dim_(vectors.dim), sums_(count * dim_), sizes_(count, 1), costs_(count * count) {
    for (std::size_t i = 0; i < count; ++i)
      std::copy_n(vectors.row(begin + i), dim_, sums_.data() + i * dim_);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < i; ++j) cost(i, j) = cost_of(i, j);
  }

  void join_down_to(std::size_t clusters) {
    for (std::size_t left = sizes_.size(); left > clusters; --left) {
      std::size_t best_i = 0;
      std::size_t best_j = 0;
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < sizes_.size(); ++i)
        for (std::size_t j = 0; j < i && sizes_[i] != 0; ++j) {
          if (sizes_[j] == 0 || !(cost(i, j) < least)) continue;
          least = cost(i, j);
          best_i = i;
          best_j = j;
        }
      // Into the earlier one, so that clusters stay in the order of their first vectors.
      join(best_j, best_i);
    }
  }

  void write_means(float* to) const {
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
      if (sizes_[i] == 0) continue;
      for (std::size_t d = 0; d < dim_; ++d)
        to[d] = static_cast<float>(sums_[i * dim_ + d] / static_cast<double>(sizes_[i]));
      to += dim_;
    }
  }

 private:
  double& cost(std::size_t i, std::size_t j) {
    return costs_[std::max(i, j) * sizes_.size() + std::min(i, j)];
  }

  [[nodiscard]] double cost_of(std::size_t i, std::size_t j) const {
    const auto a = static_cast<double>(sizes_[i]);
    const auto b = static_cast<double>(sizes_[j]);
    double squared = 0;
    for (std::size_t d = 0; d < dim_; ++d) {
      const double difference = sums_[i * dim_ + d] / a - sums_[j * dim_ + d] / b;
      squared += difference * difference;
    }
    return a * b / (a + b) * squared;
  }

  void join(std::size_t into, std::size_t from) {
    for (std::size_t d = 0; d < dim_; ++d) sums_[into * dim_ + d] += sums_[from * dim_ + d];
    sizes_[into] += sizes_[from];
    sizes_[from] = 0;
    for (std::size_t i = 0; i < sizes_.size(); ++i)
      if (i != into && sizes_[i] != 0) cost(i, into) = cost_of(i, into);
  }

  std::size_t dim_;
  std::vector<double> sums_;
  std::vector<std::size_t> sizes_;  ///< 0: joined to another
  std::vector<double> costs_;       ///< of joining two
};

/// Clusters that so many vectors become.
std::size_t clusters_of(std::size_t vectors, std::size_t factor) {
  return (vectors + factor - 1) / factor;
}

/// Writes the means of a set's clusters.
void pool_set(const Batch& sets, std::size_t set, std::size_t factor, float* to) {
  for (std::size_t at = sets.begin(set); at < sets.begin(set + 1); at += stretch) {
    const std::size_t count = std::min(stretch, sets.begin(set + 1) - at);
    Clusters clusters(sets, at, count);
    clusters.join_down_to(clusters_of(count, factor));
    clusters.write_means(to);
    to += clusters_of(count, factor) * sets.dim;
  }
}

}  // namespace

OwnedSets pool_sets(const Batch& sets, std::size_t factor, unsigned threads) {
  OwnedSets pooled{.dim = sets.dim, .values = {}};
  for (std::size_t i = 0; i < sets.items(); ++i) {
    std::size_t kept = 0;
    for (std::size_t at = sets.begin(i); at < sets.begin(i + 1); at += stretch)
      kept += clusters_of(std::min(stretch, sets.begin(i + 1) - at), factor);
    pooled.offsets.push_back(pooled.offsets.back() + kept);
  }
  pooled.values.resize(pooled.offsets.back() * sets.dim);
  parallel_for({.count = sets.items(), .grain = 4, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i)
                   pool_set(sets, i, factor, pooled.values.data() + pooled.offsets[i] * sets.dim);
               });
  return pooled;
}

}  // namespace vecinal
