// Which rows enter the graph, and in which order.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "backend/scan.hpp"
#include "core/parallel.hpp"
#include "core/parallel_sort.hpp"
#include "core/random.hpp"
#include "index/vector_index.hpp"

namespace vecinal {
namespace {

constexpr std::size_t lid_sample = 1000;
constexpr std::size_t lid_neighbours = 20;

struct Hashed {
  std::uint64_t hash;
  Slot item;  ///< the number of the slot among those given
};

/// Rows of this add that equal an earlier row of it. Equal rows of earlier adds are found by the
/// graph search.
void find_twins(const Storage& rows, std::span<const Slot> slots, unsigned threads,
                InsertionPlan& plan) {
  std::vector<Hashed> hashed(slots.size());
  parallel_for({.count = hashed.size(), .grain = 1024, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i) {
                   const std::byte* row = rows.row(slots[i]);
                   hashed[i] = {XXH3_64bits(row, rows.row_bytes()), static_cast<Slot>(i)};
                 }
               });
  parallel_sort(hashed, threads, [](const Hashed& a, const Hashed& b) {
    return a.hash < b.hash || (a.hash == b.hash && a.item < b.item);
  });
  std::vector<bool> is_twin(hashed.size(), false);
  for (std::size_t i = 0, group = 0; i < hashed.size(); ++i) {
    if (hashed[i].hash != hashed[group].hash) group = i;
    const Slot first = slots[hashed[group].item];
    const Slot slot = slots[hashed[i].item];
    if (i == group || std::memcmp(rows.row(slot), rows.row(first), rows.row_bytes()) != 0) continue;
    plan.twins.emplace_back(first, slot);
    is_twin[hashed[i].item] = true;
  }
  for (std::size_t i = 0; i < is_twin.size(); ++i)
    if (!is_twin[i]) plan.order.push_back(slots[i]);
}

/// Sorts by key(i) of the i-th slot, largest first; equal keys stay as they are.
template <class Key>
void sort_descending(std::vector<Slot>& order, unsigned threads, const Key& key) {
  struct Keyed {
    double key;
    Slot place;
    Slot slot;
  };
  std::vector<Keyed> keyed(order.size());
  parallel_for({.count = order.size(), .grain = 4096, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i)
                   keyed[i] = {key(i), static_cast<Slot>(i), order[i]};
               });
  parallel_sort(keyed, threads, [](const Keyed& a, const Keyed& b) {
    return a.key > b.key || (a.key == b.key && a.place < b.place);
  });
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = keyed[i].slot;
}

void shuffle(std::vector<Slot>& order, std::uint64_t seed, unsigned threads) {
  sort_descending(order, threads,
                  [&](std::size_t i) { return random_unit(seed, Stream::shuffle, order[i]); });
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

void sort_by_lid(const Storage& rows, std::vector<Slot>& order, const Config& config,
                 unsigned threads) {
  std::vector<Slot> sample = order;
  shuffle(sample, config.seed, threads);
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
  std::vector<double> lid(order.size(), 0.0);
  // A few thousand rows at a time: encodings other than f32 are decoded for it.
  constexpr std::size_t chunk = 4096;
  AlignedFloats decoded(chunk * rows.padded_dim());
  std::vector<Query> queries;
  std::vector<double> lengths;  // squared
  for (std::size_t begin = 0; begin < order.size(); begin += chunk) {
    const std::size_t end = std::min(begin + chunk, order.size());
    queries.resize(end - begin);
    lengths.resize(end - begin);
    parallel_for({.count = end - begin, .grain = 64, .threads = threads},
                 [&](std::size_t from, std::size_t until, unsigned) {
                   for (std::size_t i = from; i < until; ++i) {
                     float* to = decoded.data() + i * rows.padded_dim();
                     rows.decode(order[begin + i], to, nullptr);
                     queries[i] = {to};
                     lengths[i] = std::inner_product(to, to + rows.padded_dim(), to, 0.0);
                   }
                 });
    const double longest = *std::max_element(lengths.begin(), lengths.end());
    scan(points, {sample.size()}, queries,
         {.k = lid_neighbours + 1,
          .max_norm = static_cast<float>(std::sqrt(longest)),
          .threads = threads},
         [&](std::size_t i, std::span<Scored> best) {
           std::vector<float> squared;
           for (const Scored& found : best) squared.push_back(found.score);
           lid[begin + i] = intrinsic_dimensionality(squared);
         },
         {});
  }
  sort_descending(order, threads, [&](std::size_t i) { return lid[i]; });
}

}  // namespace

InsertionPlan plan_insertion(const Storage& rows, std::span<const Slot> slots, const Config& config,
                             unsigned threads) {
  InsertionPlan plan;
  find_twins(rows, slots, threads, plan);
  switch (config.order) {
    case InsertionOrder::given:
      break;
    case InsertionOrder::shuffled:
      shuffle(plan.order, config.seed, threads);
      break;
    case InsertionOrder::lid:
      sort_by_lid(rows, plan.order, config, threads);
      break;
  }
  return plan;
}

}  // namespace vecinal
