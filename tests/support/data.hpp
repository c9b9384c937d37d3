/// Seeded vectors for tests, and the exact answers to them by plain double loops.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "vecinal/index.hpp"

namespace vecinal::test {

struct Rows {
  std::size_t count = 0;
  std::size_t dim = 0;
  std::vector<float> values;

  [[nodiscard]] const float* row(std::size_t i) const { return values.data() + i * dim; }
  [[nodiscard]] Batch batch() const { return {.data = values.data(), .count = count, .dim = dim}; }
  [[nodiscard]] Batch part(std::size_t first, std::size_t n) const {
    return {.data = row(first), .count = n, .dim = dim};
  }
};

/// Points around a few centres: closer to real embeddings than noise in all directions.
inline Rows clustered(std::size_t count, std::size_t dim, std::uint32_t seed,
                      std::size_t centres = 50) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::mt19937 centre_random(7);
  std::vector<float> centre(centres * dim);
  for (float& value : centre) value = normal(centre_random);
  normal.reset();
  Rows rows{count, dim, std::vector<float>(count * dim)};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t c = random() % centres;
    for (std::size_t d = 0; d < dim; ++d)
      rows.values[i * dim + d] = centre[c * dim + d] + 0.5F * normal(random);
  }
  return rows;
}

/// The distance of vecinal's public contract, in double.
inline double distance(Metric metric, const float* a, const float* b, std::size_t dim) {
  double dot = 0;
  double squared = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    const double x = a[d];
    const double y = b[d];
    dot += x * y;
    squared += (x - y) * (x - y);
    aa += x * x;
    bb += y * y;
  }
  if (metric == Metric::l2) return squared;
  return metric == Metric::inner_product ? -dot : 1.0 - dot / std::sqrt(aa * bb);
}

/// Row numbers of the k nearest rows, nearest first, ties by number.
inline std::vector<std::size_t> nearest(Metric metric, const Rows& rows, const float* query,
                                        std::size_t k) {
  std::vector<std::pair<double, std::size_t>> all;
  for (std::size_t i = 0; i < rows.count; ++i)
    all.emplace_back(distance(metric, query, rows.row(i), rows.dim), i);
  k = std::min(k, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < k; ++i) found.push_back(all[i].second);
  return found;
}

/// Share of the true k nearest that a search over rows (ids = row numbers) found.
inline double recall(const Index& index, const Rows& rows, const Rows& queries,
                     const SearchParams& params) {
  const Neighbors hits = index.search(queries.batch(), params);
  std::size_t found = 0;
  for (std::size_t q = 0; q < queries.count; ++q)
    for (const std::size_t truth : nearest(index.config().metric, rows, queries.row(q), params.k))
      found += std::count(hits.ids_of(q).begin(), hits.ids_of(q).end(), static_cast<Id>(truth)) != 0
                   ? 1U
                   : 0U;
  return static_cast<double>(found) / static_cast<double>(queries.count * params.k);
}

}  // namespace vecinal::test
