// Filters of every selectivity, that agree with the queries, disagree or have nothing to do with
// them, over every kind of index.
#include "vecinal/filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <tuple>

#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

constexpr std::size_t dim = 32;
constexpr std::size_t count = 4000;
constexpr std::size_t centres = 40;

enum class Kin { none, near, far };

/// Rows of a few clusters, an index of them, and queries of one of the clusters.
struct Data {
  test::Rows rows = test::clustered(count, dim, 1, centres);
  test::Rows queries{8, dim, {}};

  Data() {
    // The nearest rows to one, moved a little.
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (const std::size_t near : test::nearest(Metric::l2, rows, rows.row(0), queries.count))
      for (std::size_t d = 0; d < dim; ++d)
        queries.values.push_back(rows.row(near)[d] + 0.2F * normal(random));
  }

  /// Bits of `share` of the rows: drawn, or the nearest to or farthest from the queries' cluster.
  [[nodiscard]] std::vector<std::uint64_t> words(double share, Kin kin) const {
    std::vector<std::size_t> order(count);
    if (kin == Kin::none) {
      std::iota(order.begin(), order.end(), 0U);
      std::shuffle(order.begin(), order.end(), std::mt19937(5));
    } else {
      order = test::nearest(Metric::l2, rows, rows.row(0), count);
      if (kin == Kin::far) std::reverse(order.begin(), order.end());
    }
    std::vector<std::uint64_t> words((count + 63) / 64);
    const auto size = static_cast<std::size_t>(share * static_cast<double>(count));
    for (std::size_t i = 0; i < size; ++i)
      words[order[i] / 64] |= std::uint64_t{1} << order[i] % 64;
    return words;
  }
};

const Data& data() {
  static const Data made;
  return made;
}

std::unique_ptr<Index> index_of(Encoding encoding, Layout layout, Metric metric = Metric::l2) {
  auto index = make_index({.dim = dim,
                           .metric = metric,
                           .encoding = encoding,
                           .layout = layout,
                           .build_beam = 60,
                           .threads = 2});
  index->add(data().rows.batch());
  return index;
}

/// Share of the k nearest by exact search over the same rows that a search found; every answer must
/// be allowed, and there must be k of them.
double recall(const Index& index, SearchParams params, std::size_t allowed) {
  const Neighbors found = index.search(data().queries.batch(), params);
  params.exact = true;
  const Neighbors truth = index.search(data().queries.batch(), params);
  EXPECT_EQ(truth.stats.plan, Plan::scan);
  EXPECT_EQ(found.stats.allowed, allowed);
  std::size_t hits = 0;
  for (std::size_t q = 0; q < found.queries; ++q) {
    EXPECT_EQ(found.counts[q], std::min(params.k, allowed));
    EXPECT_EQ(found.counts[q], truth.counts[q]);
    for (std::size_t i = 0; i < found.counts[q]; ++i)
      hits += found.distances_of(q)[i] <= truth.distances_of(q)[truth.counts[q] - 1] ? 1U : 0U;
  }
  const auto wanted = static_cast<double>(found.queries * std::min(params.k, allowed));
  return wanted == 0 ? 1 : static_cast<double>(hits) / wanted;
}

std::size_t bits(const std::vector<std::uint64_t>& words) {
  std::size_t set = 0;
  for (const std::uint64_t word : words) set += static_cast<std::size_t>(std::popcount(word));
  return set;
}

class Filtered : public testing::TestWithParam<std::tuple<Encoding, Layout>> {};

INSTANTIATE_TEST_SUITE_P(Rows, Filtered,
                         testing::Values(std::tuple(Encoding::f32, Layout::split),
                                         std::tuple(Encoding::lvq4x8, Layout::split),
                                         std::tuple(Encoding::lvq8, Layout::fused),
                                         std::tuple(Encoding::lvq8x8, Layout::fused)),
                         [](const auto& test) {
                           return std::string(name(std::get<0>(test.param))) + "_" +
                                  std::string(name(std::get<1>(test.param)));
                         });

TEST_P(Filtered, FindsTheNearestAtEverySelectivityWhateverTheCorrelation) {
  const auto index = index_of(std::get<0>(GetParam()), std::get<1>(GetParam()));
  for (const double share : {0.5, 0.3, 0.1, 0.01, 0.001})
    for (const Kin kin : {Kin::none, Kin::near, Kin::far}) {
      const std::vector<std::uint64_t> words = data().words(share, kin);
      for (const Plan plan : {Plan::automatic, Plan::inside, Plan::bridge, Plan::scan}) {
        const double found =
            recall(*index, {.k = 10, .filter = Filter::bitmap(words), .plan = plan}, bits(words));
        EXPECT_GE(found, plan == Plan::scan ? 1.0 : 0.95)
            << share << " allowed, kin " << static_cast<int>(kin) << ", plan " << name(plan);
      }
    }
}

TEST_P(Filtered, FiltersOfNoneOneAndAllItems) {
  const auto index = index_of(std::get<0>(GetParam()), std::get<1>(GetParam()));
  for (const Plan plan : {Plan::automatic, Plan::inside, Plan::bridge, Plan::scan}) {
    const auto check = [&](const Filter& filter, std::size_t allowed) {
      EXPECT_GE(recall(*index, {.k = 5, .filter = filter, .plan = plan}, allowed), 0.95);
    };
    check(Filter::ids({}), 0);
    const std::vector<Id> one = {count - 1};
    check(Filter::ids(one), 1);
    check(Filter::bitmap(data().words(1, Kin::none)), count);
    check(Filter::predicate([](Id id) { return id < 7; }), 7);
  }
}

TEST_P(Filtered, RemovedItemsAreNotFound) {
  const auto index = index_of(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const std::vector<std::uint64_t> words = data().words(0.4, Kin::near);
  std::vector<Id> removed;
  for (Id id = 0; id < static_cast<Id>(count); id += 2) removed.push_back(id);
  index->remove(removed);
  std::size_t left = 0;
  for (const std::uint64_t word : words)
    left += static_cast<std::size_t>(std::popcount(word & 0xAAAAAAAAAAAAAAAAU));
  for (const Plan plan : {Plan::automatic, Plan::inside, Plan::bridge, Plan::scan})
    EXPECT_GE(recall(*index, {.k = 10, .filter = Filter::bitmap(words), .plan = plan}, left), 0.95);
  EXPECT_GE(recall(*index, {.k = 10}, count / 2), 0.95);
}

TEST(Filter, ThePlanIsTold) {
  const auto index = index_of(Encoding::lvq8, Layout::fused);
  const auto plan_of = [&](const SearchParams& params) {
    return index->search(data().queries.part(0, 1), params).stats.plan;
  };
  EXPECT_EQ(plan_of({}), Plan::walk);
  EXPECT_EQ(plan_of({.exact = true}), Plan::scan);
  const std::vector<std::uint64_t> most = data().words(0.9, Kin::none);
  const std::vector<std::uint64_t> few = data().words(0.01, Kin::none);
  EXPECT_EQ(plan_of({.filter = Filter::bitmap(most)}), Plan::inside);
  EXPECT_EQ(plan_of({.filter = Filter::bitmap(few)}), Plan::scan);
  for (const Plan plan : {Plan::inside, Plan::bridge, Plan::scan})
    EXPECT_EQ(plan_of({.filter = Filter::bitmap(most), .plan = plan}), plan);
  EXPECT_EQ(plan_of({.plan = Plan::bridge}), Plan::walk) << "nothing to go about";
}

TEST(Filter, OneOfEqualRowsIsAllowed) {
  // Copies share a node of the graph: the one that is allowed need not be it.
  const auto index = make_index({.dim = dim, .build_beam = 60, .threads = 1});
  index->add(data().rows.part(0, 500));
  index->add(data().rows.part(0, 500));
  index->add(data().rows.part(0, 500));
  const Filter second = Filter::predicate([](Id id) { return id >= 500 && id < 1000; });
  for (const Plan plan : {Plan::inside, Plan::bridge, Plan::scan}) {
    const Neighbors hits =
        index->search(data().rows.part(0, 50), {.k = 3, .filter = second, .plan = plan});
    for (std::size_t q = 0; q < hits.queries; ++q) {
      EXPECT_EQ(hits.ids_of(q)[0], static_cast<Id>(500 + q)) << name(plan);
      EXPECT_EQ(hits.counts[q], 3U);
    }
  }
}

TEST(Filter, BitmapsGoByIdsNotBySlots) {
  const auto index = make_index({.dim = dim, .build_beam = 60, .threads = 1});
  std::vector<Id> ids(1000);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<Id>(3 * (999 - i));
  index->add(data().rows.part(0, 1000), ids);
  const std::vector<std::uint64_t> words = {0, 0, ~std::uint64_t{0}};  // ids 128 .. 191
  const Neighbors hits =
      index->search(data().queries.batch(), {.k = 50, .filter = Filter::bitmap(words)});
  for (std::size_t q = 0; q < hits.queries; ++q) {
    EXPECT_EQ(hits.counts[q], 21U);
    for (const Id id : hits.ids_of(q).first(21)) EXPECT_TRUE(id >= 128 && id < 192);
  }
}

TEST(Filter, SetsOfVectorsAreFilteredAlike) {
  const auto index = make_index({.dim = dim,
                                 .metric = Metric::chamfer,
                                 .fde = {.k_sim = 3, .repetitions = 5},
                                 .build_beam = 60,
                                 .threads = 2});
  std::vector<std::size_t> offsets(2001);
  std::iota(offsets.begin(), offsets.end(), std::size_t{0});
  std::transform(offsets.begin(), offsets.end(), offsets.begin(), [](auto i) { return 2 * i; });
  Batch sets = data().rows.part(0, 4000);
  sets.offsets = offsets;
  index->add(sets);
  const std::vector<std::size_t> two = {0, 4, 8};
  Batch queries = data().queries.batch();
  queries.offsets = two;
  for (const std::size_t step : {2U, 10U, 100U, 500U})
    for (const Plan plan : {Plan::automatic, Plan::inside, Plan::bridge, Plan::scan}) {
      const Neighbors hits = index->search(
          queries, {.k = 10,
                    .filter = Filter::predicate([&](Id id) { return id % step == 0; }),
                    .plan = plan});
      EXPECT_EQ(hits.stats.allowed, 2000 / step);
      for (std::size_t q = 0; q < 2; ++q) {
        EXPECT_EQ(hits.counts[q], std::min<std::size_t>(10, 2000 / step));
        for (const Id id : hits.ids_of(q).first(hits.counts[q])) EXPECT_EQ(id % step, 0U);
      }
    }
}

}  // namespace
}  // namespace vecinal
