// Which rows enter the graph, and in which order.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "backend/scan.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"
#include "index/vector_index.hpp"

namespace vecinal {
namespace {

constexpr std::size_t lid_sample = 1000;
constexpr std::size_t lid_neighbours = 20;

struct Hashed {
  std::uint64_t hash;
  Slot slot;
};

/// Rows of this add that equal an earlier row of it. Equal rows of earlier adds are found by the
/// graph search.
void find_twins(const Storage& rows, std::size_t first, unsigned threads, InsertionPlan& plan) {
  std::vector<Hashed> hashed(rows.size() - first);
  parallel_for({.count = hashed.size(), .grain = 1024, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i) {
                   const auto slot = static_cast<Slot>(first + i);
                   hashed[i] = {XXH3_64bits(rows.row(slot), rows.row_bytes()), slot};
                 }
               });
  std::sort(hashed.begin(), hashed.end(), [](const Hashed& a, const Hashed& b) {
    return a.hash < b.hash || (a.hash == b.hash && a.slot < b.slot);
  });
  std::vector<bool> is_twin(hashed.size(), false);
  for (std::size_t i = 0, group = 0; i < hashed.size(); ++i) {
    if (hashed[i].hash != hashed[group].hash) group = i;
    if (i == group ||
        std::memcmp(rows.row(hashed[i].slot), rows.row(hashed[group].slot), rows.row_bytes()) != 0)
      continue;
    plan.twins.emplace_back(hashed[group].slot, hashed[i].slot);
    is_twin[hashed[i].slot - first] = true;
  }
  for (std::size_t i = 0; i < is_twin.size(); ++i)
    if (!is_twin[i]) plan.order.push_back(static_cast<Slot>(first + i));
}

/// Sorts by a key, largest first; equal keys stay as they are.
void sort_descending(std::vector<Slot>& order, std::size_t first, const std::vector<double>& key) {
  std::stable_sort(order.begin(), order.end(),
                   [&](Slot a, Slot b) { return key[a - first] > key[b - first]; });
}

void shuffle(std::vector<Slot>& order, std::size_t first, std::size_t count, std::uint64_t seed) {
  std::vector<double> key(count);
  for (std::size_t i = 0; i < count; ++i) key[i] = random_unit(seed, Stream::shuffle, first + i);
  sort_descending(order, first, key);
}

/// Maximum-likelihood local intrinsic dimensionality from the distances to the nearest rows of a
/// random sample (Levina & Bickel, NIPS 2004; used for HNSW by Elliott & Clark, ICTIR 2024).
double intrinsic_dimensionality(std::vector<float>& squared) {
  std::sort(squared.begin(), squared.end());
  const auto start = std::upper_bound(squared.begin(), squared.end(), 0.0F);
  const auto count =
      std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(lid_neighbours), squared.end() - start);
  if (count < 2) return 0;
  const double farthest = std::log(static_cast<double>(start[count - 1]));
  double sum = 0;
  for (std::ptrdiff_t i = 0; i < count; ++i)
    sum += (std::log(static_cast<double>(start[i])) - farthest) / 2;
  return sum == 0 ? 0 : -static_cast<double>(count) / sum;
}

void sort_by_lid(const Storage& rows, std::size_t first, std::vector<Slot>& order,
                 const Config& config, unsigned threads) {
  std::vector<Slot> sample = order;
  shuffle(sample, first, rows.size() - first, config.seed);
  if (sample.size() > lid_sample) sample.resize(lid_sample);
  // All of the padded row: a rotation fills it.
  Storage points({.type = kernels::RowType::f32, .dim = rows.padded_dim()});
  points.resize(sample.size());
  QueryBuffer buffer(points);
  AlignedFloats row(rows.padded_dim());
  for (std::size_t i = 0; i < sample.size(); ++i) {
    rows.decode(sample[i], row.data(), nullptr);
    static_cast<void>(points.set(static_cast<Slot>(i), row.data(), 0, buffer));
  }
  std::vector<double> lid(rows.size() - first, 0.0);
  // A few thousand rows at a time: encodings other than f32 are decoded for it.
  constexpr std::size_t chunk = 4096;
  AlignedFloats decoded(chunk * rows.padded_dim());
  std::vector<Query> queries;
  for (std::size_t begin = 0; begin < order.size(); begin += chunk) {
    const std::size_t end = std::min(begin + chunk, order.size());
    queries.clear();
    double longest = 0;
    for (std::size_t i = begin; i < end; ++i) {
      float* to = decoded.data() + (i - begin) * rows.padded_dim();
      rows.decode(order[i], to, nullptr);
      queries.push_back({to});
      longest = std::max(longest, std::inner_product(to, to + rows.padded_dim(), to, 0.0));
    }
    scan(points, {sample.size()}, queries,
         {.k = lid_neighbours + 1,
          .max_norm = static_cast<float>(std::sqrt(longest)),
          .threads = threads},
         [&](std::size_t i, std::span<Scored> best) {
           std::vector<float> squared;
           for (const Scored& found : best) squared.push_back(found.score);
           lid[order[begin + i] - first] = intrinsic_dimensionality(squared);
         },
         {});
  }
  sort_descending(order, first, lid);
}

}  // namespace

InsertionPlan plan_insertion(const Storage& rows, std::size_t first, const Config& config,
                             unsigned threads) {
  InsertionPlan plan;
  find_twins(rows, first, threads, plan);
  switch (config.order) {
    case InsertionOrder::given:
      break;
    case InsertionOrder::shuffled:
      shuffle(plan.order, first, rows.size() - first, config.seed);
      break;
    case InsertionOrder::lid:
      sort_by_lid(rows, first, plan.order, config, threads);
      break;
  }
  return plan;
}

}  // namespace vecinal
