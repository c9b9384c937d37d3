// fit_queries: what it mends, and what it leaves as it was.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>

#include "support/data.hpp"
#include "support/sets.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::Rows;

constexpr std::size_t dim = 32;

/// Noise in all directions.
Rows items(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Rows rows{count, dim, std::vector<float>(count * dim)};
  for (float& value : rows.values) value = normal(random);
  return rows;
}

/// Queries from far outside on one side: their nearest items lie far from each other.
Rows outside(std::size_t count, std::uint32_t seed) {
  Rows rows = items(count, seed);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t d = 0; d < dim; ++d) {
      float& value = rows.values[i * dim + d];
      value = 0.3F * value + (d < 4 ? 1.5F : 0.0F);
    }
  return rows;
}

Config config_of(Layout layout, Encoding encoding, Metric metric = Metric::l2) {
  return {.dim = dim,
          .metric = metric,
          .encoding = encoding,
          .layout = layout,
          .build_beam = 60,
          .threads = 2};
}

std::unique_ptr<Index> filled(const Config& config, const Rows& rows) {
  auto index = make_index(config);
  index->add(rows.batch());
  return index;
}

class Fit : public testing::TestWithParam<Layout> {};

TEST_P(Fit, FindsMoreForQueriesLikeTheSampleAndNoLessForOthers) {
  const Rows rows = items(3000, 1);
  const Rows sample = outside(600, 2);
  const Rows asked = outside(150, 3);
  const Rows inside = items(150, 4);
  for (const Metric metric : {Metric::cosine, Metric::inner_product}) {
    const auto index = filled(config_of(GetParam(), Encoding::lvq8, metric), rows);
    const SearchParams params{.k = 10, .beam = 24};
    const double before = test::recall(*index, rows, asked, params);
    const double before_inside = test::recall(*index, rows, inside, params);
    const Fitted fitted = index->fit_queries(sample.batch());
    EXPECT_GT(fitted.links, 500U);
    EXPECT_TRUE(index->check().empty());
    // The errors left fall by a third at least.
    const double after = test::recall(*index, rows, asked, params);
    EXPECT_LT(1 - after, .67 * (1 - before)) << name(metric);
    // 1,500 neighbours: their recall is known to about .01.
    EXPECT_GE(test::recall(*index, rows, inside, params), before_inside - .02) << name(metric);
  }
}

TEST_P(Fit, GivesTheSameBytesForAnyNumberOfThreads) {
  const Rows rows = items(1200, 5);
  const Rows sample = outside(600, 6);  // more than a batch
  Config config = config_of(GetParam(), Encoding::lvq4x8, Metric::cosine);
  const auto two = filled(config, rows);
  config.threads = 1;
  const auto one = filled(config, rows);
  const auto before = one->to_bytes();
  two->fit_queries(sample.batch());
  one->fit_queries(sample.batch());
  EXPECT_EQ(one->to_bytes(), two->to_bytes());
  EXPECT_NE(one->to_bytes(), before);
  EXPECT_EQ(load_index(one->to_bytes())->to_bytes(), one->to_bytes());
}

TEST_P(Fit, WorksForEveryEncodingMetricAndDegree) {
  const Rows rows = items(600, 7);
  const Rows sample = outside(100, 8);
  const bool fused = GetParam() == Layout::fused;
  for (const Encoding encoding : {Encoding::f32, Encoding::f16, Encoding::lvq4, Encoding::lvq8x8})
    for (const Metric metric : {Metric::l2, Metric::cosine, Metric::inner_product}) {
      if (fused && (encoding == Encoding::f32 || encoding == Encoding::f16)) continue;
      Config config = config_of(GetParam(), encoding, metric);
      config.degree = fused ? 64 : 6;
      const auto index = filled(config, rows);
      index->fit_queries(sample.batch());
      EXPECT_EQ(index->check(), std::vector<std::string>{}) << name(encoding) << name(metric);
    }
  Config config = config_of(GetParam(), Encoding::lvq4x8, Metric::cosine);
  config.reduction = Reduction::leanvec_ood;
  config.reduced_dim = 16;
  const auto index = make_index(config);
  index->train(rows.batch(), sample.batch());
  index->add(rows.batch());
  EXPECT_GT(index->fit_queries(sample.batch()).links, 0U);
  EXPECT_TRUE(index->check().empty());
}

TEST_P(Fit, LeadsToNoRemovedItemsAndLaterAddsAreFound) {
  const Rows rows = items(2000, 9);
  const Rows asked = outside(100, 11);
  const auto index = make_index(config_of(GetParam(), Encoding::lvq8));
  index->add(rows.part(0, 1500));
  std::vector<Id> gone;
  for (Id id = 0; id < 1500; id += 3) gone.push_back(id);
  index->remove(gone);
  index->fit_queries(outside(400, 10).batch());
  index->add(rows.part(1500, 500));
  EXPECT_TRUE(index->check().empty());
  const SearchParams params{.k = 10, .beam = 100};
  const Neighbors hits = index->search(asked.batch(), params);
  for (const Id id : hits.ids) EXPECT_TRUE(id >= 1500 || id % 3 != 0) << id;
  const Neighbors truth = index->search(asked.batch(), {.k = 10, .exact = true});
  std::size_t found = 0;
  for (std::size_t q = 0; q < asked.count; ++q)
    for (const Id id : truth.ids_of(q))
      found += std::count(hits.ids_of(q).begin(), hits.ids_of(q).end(), id) != 0 ? 1U : 0U;
  EXPECT_GE(found, 900U);
}

TEST_P(Fit, CancelledItLeavesTheIndexAsItWas) {
  const Rows rows = items(3000, 12);
  const Rows sample = outside(2000, 13);  // more than the 50 ms that pass between reports
  const auto index = filled(config_of(GetParam(), Encoding::lvq8), rows);
  const auto bytes = index->to_bytes();
  const Neighbors before = index->search(sample.part(0, 20));
  std::size_t reports = 0;
  const auto second = [&](std::size_t, std::size_t total) {
    EXPECT_EQ(total, 2000U);
    return ++reports < 2;
  };
  EXPECT_THROW(index->fit_queries(sample.batch(), {.progress = second}), Cancelled);
  EXPECT_EQ(index->to_bytes(), bytes);
  const Neighbors after = index->search(sample.part(0, 20));
  EXPECT_EQ(after.ids, before.ids);
  EXPECT_EQ(after.stats.hops, before.stats.hops) << "the fused rows serve again";
}

TEST_P(Fit, RunsBesideSearches) {
  const Rows rows = items(800, 14);
  const Rows sample = outside(300, 15);
  const auto index = filled(config_of(GetParam(), Encoding::lvq8), rows);
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const Neighbors hits = index->search(sample.part(0, 16), {.k = 5, .threads = 1});
      for (const std::uint32_t count : hits.counts) EXPECT_EQ(count, 5U);
    }
  });
  index->fit_queries(sample.part(0, 150));
  index->fit_queries(sample.part(150, 150));
  stop = true;
  reader.join();
  EXPECT_TRUE(index->check().empty());
}

TEST_P(Fit, FewItemsAndCopiesOfThem) {
  const Rows sample = outside(20, 16);
  for (const std::size_t count : {1U, 2U, 9U, 60U}) {
    Rows rows = items(count, 17);
    if (count == 60)  // as one node
      for (std::size_t i = 20; i < 50; ++i)
        std::copy_n(rows.row(7), dim, rows.values.begin() + static_cast<std::ptrdiff_t>(i * dim));
    const auto index = filled(config_of(GetParam(), Encoding::lvq8), rows);
    index->fit_queries(sample.batch());
    EXPECT_TRUE(index->check().empty());
    EXPECT_EQ(index->search(sample.batch(), {.k = count}).counts[0], count);
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, Fit, testing::Values(Layout::split, Layout::fused),
                         [](const auto& tested) { return std::string(name(tested.param)); });

TEST(FitErrors, NameWhatIsWrongAndChangeNothing) {
  const auto index = filled(config_of(Layout::split, Encoding::f32, Metric::cosine), items(50, 18));
  const auto bytes = index->to_bytes();
  const Rows sample = outside(3, 19);
  const auto refused = [&](const Batch& queries, const FitParams& params, const char* words) {
    try {
      index->fit_queries(queries, params);
      ADD_FAILURE() << "not refused: " << words;
    } catch (const std::invalid_argument& wrong) {
      EXPECT_NE(std::string(wrong.what()).find(words), std::string::npos) << wrong.what();
    }
  };
  refused(sample.batch(), {.beam = 0}, "fit_queries: beam must be 1 to 10000, got 0");
  refused(sample.batch(), {.beam = 10'001}, "beam");
  refused(sample.batch(), {.neighbors = 1}, "neighbors must be 2 to 1000, got 1");
  refused({sample.values.data(), 3, 31}, {}, "vectors have 31 dims, the index has 32");
  Rows zero = sample;
  std::fill_n(zero.values.begin() + dim, dim, 0.0F);
  refused(zero.batch(), {}, "fit_queries: row 1 ");
  EXPECT_EQ(index->fit_queries({}).links, 0U);
  EXPECT_EQ(index->to_bytes(), bytes);
  EXPECT_THROW(make_index({.dim = 4})->fit_queries({}), std::invalid_argument);
  EXPECT_THROW(make_index({.dim = 4, .graph = GraphKind::none})->fit_queries({}),
               std::invalid_argument);
}

TEST(FitSets, RepairsTheGraphOfTheEncodings) {
  const test::Sets sets = test::random_sets(300, 16, 20);
  const auto index = make_index({.dim = 16, .metric = Metric::chamfer, .threads = 2});
  index->add(sets.batch());
  const auto before = index->to_bytes();
  EXPECT_GT(index->fit_queries(test::random_sets(40, 16, 21, 2).batch()).links, 0U);
  EXPECT_NE(index->to_bytes(), before);
  EXPECT_TRUE(index->check().empty());
}

}  // namespace
}  // namespace vecinal
