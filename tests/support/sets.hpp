/// Sets of vectors for tests, and their Chamfer similarity by plain double loops.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "vecinal/index.hpp"

namespace vecinal::test {

/// Sets that keep their own memory.
struct Sets {
  std::size_t dim = 0;
  std::vector<float> values = {};
  std::vector<std::size_t> offsets = {0};

  [[nodiscard]] std::size_t count() const { return offsets.size() - 1; }
  [[nodiscard]] std::size_t size(std::size_t set) const { return offsets[set + 1] - offsets[set]; }
  [[nodiscard]] Batch batch() const {
    return {.data = values.data(),
            .count = offsets.back(),
            .dim = dim,
            .stride = 0,
            .offsets = offsets};
  }
  [[nodiscard]] const float* vector(std::size_t i) const { return values.data() + i * dim; }
  void add(const std::vector<float>& vectors) {
    values.insert(values.end(), vectors.begin(), vectors.end());
    offsets.push_back(values.size() / dim);
  }
};

/// Unit vectors around `cone` times a direction that all share.
inline std::vector<float> unit_vectors(std::size_t count, std::size_t dim, std::uint32_t seed,
                                       float cone = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count * dim);
  for (std::size_t i = 0; i < count; ++i) {
    double norm = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      float& value = values[i * dim + d];
      value = normal(random) + (d % 2 == 0 ? cone : -cone);
      norm += static_cast<double>(value) * static_cast<double>(value);
    }
    for (std::size_t d = 0; d < dim; ++d)
      values[i * dim + d] /= static_cast<float>(std::sqrt(norm));
  }
  return values;
}

/// Sets of 5 to 24 vectors.
inline Sets random_sets(std::size_t count, std::size_t dim, std::uint32_t seed, float cone = 0) {
  Sets sets{dim};
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < count; ++i)
    sets.add(
        unit_vectors(5 + random() % 20, dim, seed * 1000 + static_cast<std::uint32_t>(i), cone));
  return sets;
}

/// Queries whose vectors lie near every other one of some document.
inline Sets queries_near(const Sets& documents, std::size_t count, std::uint32_t seed,
                         float noise) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, noise / std::sqrt(static_cast<float>(documents.dim)));
  Sets queries{documents.dim};
  for (std::size_t q = 0; q < count; ++q) {
    const std::size_t p = random() % documents.count();
    std::vector<float> vectors;
    for (std::size_t i = documents.offsets[p]; i < documents.offsets[p + 1]; i += 2)
      for (std::size_t d = 0; d < documents.dim; ++d)
        vectors.push_back(documents.vector(i)[d] + normal(random));
    queries.add(vectors);
  }
  return queries;
}

inline double dot(const float* a, const float* b, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

inline double chamfer(const Sets& queries, std::size_t q, const Sets& documents, std::size_t p) {
  double sum = 0;
  for (std::size_t i = queries.offsets[q]; i < queries.offsets[q + 1]; ++i) {
    double best = -HUGE_VAL;
    for (std::size_t j = documents.offsets[p]; j < documents.offsets[p + 1]; ++j)
      best = std::max(best, dot(queries.vector(i), documents.vector(j), queries.dim));
    sum += best;
  }
  return sum;
}

/// The k best documents of a query, best first, with their similarity.
inline std::vector<std::pair<double, std::size_t>> best_documents(const Sets& queries,
                                                                  std::size_t q,
                                                                  const Sets& documents,
                                                                  std::size_t k) {
  std::vector<std::pair<double, std::size_t>> all;
  for (std::size_t p = 0; p < documents.count(); ++p)
    all.emplace_back(chamfer(queries, q, documents, p), p);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first > b.first || (a.first == b.first && a.second < b.second);
  });
  all.resize(std::min(k, all.size()));
  return all;
}

/// An index of sets with encodings of few values.
inline Config small_config(std::size_t dim) {
  return {.dim = dim,
          .metric = Metric::chamfer,
          .encoding = Encoding::lvq8,
          .fde = {.k_sim = 3, .projected_dim = 8, .repetitions = 10},
          .degree = 16,
          .build_beam = 50};
}

}  // namespace vecinal::test
