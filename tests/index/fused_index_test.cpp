// The fused layout: answers as the split one gives them, through every change and file.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::clustered;
using test::Rows;

Config fused(std::size_t dim, Metric metric = Metric::l2, Encoding encoding = Encoding::lvq8) {
  return {.dim = dim,
          .metric = metric,
          .encoding = encoding,
          .layout = Layout::fused,
          .build_beam = 60,
          .threads = 2};
}

std::unique_ptr<Index> filled(const Config& config, const Rows& rows) {
  auto index = make_index(config);
  index->add(rows.batch());
  return index;
}

bool same(const Neighbors& a, const Neighbors& b) {
  return a.ids == b.ids && a.distances == b.distances && a.counts == b.counts;
}

TEST(FusedIndex, FindsWhatTheSplitLayoutFinds) {
  const Rows rows = clustered(700, 48, 1);
  const Rows queries = clustered(60, 48, 2);
  for (const Metric metric : {Metric::l2, Metric::cosine, Metric::inner_product})
    for (const Encoding encoding : {Encoding::lvq8, Encoding::lvq4x8, Encoding::lvq8x8}) {
      Config config = fused(48, metric, encoding);
      const auto index = filled(config, rows);
      EXPECT_TRUE(index->check().empty());
      config.layout = Layout::split;
      const auto split = filled(config, rows);
      const SearchParams params{.k = 10, .beam = 60};
      EXPECT_GE(test::recall(*index, rows, queries, params),
                test::recall(*split, rows, queries, params) - .005)
          << name(metric) << " " << name(encoding);
    }
}

TEST(FusedIndex, TheBeamAloneEndsWalksWithoutGamma) {
  Rows rows = clustered(700, 24, 23);
  for (std::size_t i = 0; i < 20; ++i)  // near copies: their estimated distances lie about zero
    for (std::size_t d = 0; d < 24; ++d)
      rows.values[i * 24 + d] = rows.values[d] + 1e-4F * static_cast<float>(i * d % 7);
  for (const Metric metric : {Metric::l2, Metric::cosine, Metric::inner_product}) {
    const auto index = filled(fused(24, metric), rows);
    const Neighbors hits = index->search(rows.part(0, 40), {.k = 10, .beam = 80});
    EXPECT_GE(hits.stats.hops, 3 * hits.ids.size()) << "not when k are found: " << name(metric);
    const Neighbors early = index->search(rows.part(0, 40), {.k = 10, .beam = 80, .gamma = .01F});
    if (metric == Metric::inner_product)
      EXPECT_TRUE(same(early, hits));
    else
      EXPECT_LT(early.stats.hops, hits.stats.hops) << name(metric);
  }
}

TEST(FusedIndex, FewRowsAndManyDimsAndDegrees) {
  for (const std::size_t count : {1U, 2U, 31U, 33U, 65U, 300U})
    for (const std::uint32_t degree : {32U, 64U}) {
      const Rows rows = clustered(count, 70, 3);
      Config config = fused(70);
      config.degree = degree;
      const auto index = filled(config, rows);
      const std::size_t k = std::min<std::size_t>(count, 10);
      const Neighbors hits = index->search(rows.batch(), {.k = k, .beam = 64});
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(hits.counts[i], k);
        EXPECT_EQ(hits.ids_of(i)[0], static_cast<Id>(i));
      }
    }
  EXPECT_EQ(make_index(fused(8))->search(clustered(2, 8, 1).batch()).counts[0], 0U);
}

TEST(FusedIndex, AnswersDependNeitherOnThreadsNorOnTheBatch) {
  const Rows rows = clustered(1500, 40, 4);
  const Rows queries = clustered(70, 40, 5);
  Config config = fused(40, Metric::cosine, Encoding::lvq4x8);
  const auto index = filled(config, rows);
  config.threads = 1;
  EXPECT_EQ(filled(config, rows)->to_bytes(), index->to_bytes());
  const Neighbors all = index->search(queries.batch(), {.k = 5, .threads = 2});
  EXPECT_TRUE(same(all, index->search(queries.batch(), {.k = 5, .threads = 1})));
  for (std::size_t i = 0; i < queries.count; ++i) {
    const Neighbors one = index->search(queries.part(i, 1), {.k = 5});
    EXPECT_EQ(std::vector<Id>(all.ids_of(i).begin(), all.ids_of(i).end()), one.ids);
  }
}

TEST(FusedIndex, RowsAddedLaterAreFoundAndFilesHoldThem) {
  const Rows rows = clustered(1600, 32, 6);
  const Rows queries = clustered(40, 32, 7);
  const auto index = make_index(fused(32, Metric::l2, Encoding::lvq8x8));
  index->add(rows.part(0, 1000));
  for (std::size_t first = 1000; first < 1600; first += 100) index->add(rows.part(first, 100));
  EXPECT_TRUE(index->check().empty());
  EXPECT_GE(test::recall(*index, rows, queries, {.k = 10, .beam = 60}), .95);
  const auto file = std::filesystem::temp_directory_path() / "vecinal_fused_test.vcn";
  index->set_defaults({.beam = 33, .gamma = 0.25F});
  index->save(file);
  const Neighbors expected = index->search(queries.batch());
  for (const bool map : {false, true}) {
    const auto loaded = load_index(file, {.map = map});
    EXPECT_TRUE(same(loaded->search(queries.batch()), expected));
    EXPECT_EQ(loaded->to_bytes(), index->to_bytes());
    EXPECT_EQ(loaded->defaults().gamma, 0.25F);
    EXPECT_EQ(loaded->config().layout, Layout::fused);
    loaded->add(clustered(50, 32, 8).batch());
    EXPECT_TRUE(loaded->check().empty());
  }
  std::filesystem::remove(file);
}

TEST(FusedIndex, RemovedAndFilteredRowsAreSteppedOver) {
  const Rows rows = clustered(1200, 24, 9);
  const Rows queries = clustered(40, 24, 10);
  const auto index = filled(fused(24), rows);
  std::vector<Id> gone;
  for (Id id = 0; id < 1200; id += 5) gone.push_back(id);
  EXPECT_EQ(index->remove(gone), gone.size());
  const auto check = [&](const SearchParams& params, auto allowed) {
    const Neighbors hits = index->search(queries.batch(), params);
    SearchParams exact = params;
    exact.exact = true;
    const Neighbors truth = index->search(queries.batch(), exact);
    std::size_t found = 0;
    for (std::size_t q = 0; q < queries.count; ++q) {
      EXPECT_EQ(hits.counts[q], 10U);
      for (const Id id : hits.ids_of(q)) {
        EXPECT_TRUE(allowed(id)) << id;
        found += std::count(truth.ids_of(q).begin(), truth.ids_of(q).end(), id) != 0 ? 1U : 0U;
      }
    }
    EXPECT_GE(static_cast<double>(found), .95 * 10 * static_cast<double>(queries.count));
  };
  check({.k = 10, .beam = 50}, [](Id id) { return id % 5 != 0; });
  check({.k = 10, .beam = 50, .filter = Filter::predicate([](Id id) { return id % 4 != 1; })},
        [](Id id) { return id % 5 != 0 && id % 4 != 1; });
  check({.k = 10, .beam = 50, .filter = Filter::predicate([](Id id) { return id % 7 == 1; })},
        [](Id id) { return id % 5 != 0 && id % 7 == 1; });
}

TEST(FusedIndex, CopiesOfARowAreAllFoundOnce) {
  Rows rows = clustered(400, 16, 11);
  for (std::size_t i = 100; i < 140; ++i)
    std::copy_n(rows.row(7), 16, rows.values.begin() + static_cast<std::ptrdiff_t>(i * 16));
  const auto index = filled(fused(16), rows);
  EXPECT_EQ(index->stats().duplicates, 40U);
  const Neighbors hits = index->search(rows.part(7, 1), {.k = 45, .beam = 60});
  std::vector<Id> ids(hits.ids.begin(), hits.ids.begin() + 41);
  std::vector<Id> expected = {7};
  for (Id id = 100; id < 140; ++id) expected.push_back(id);
  EXPECT_EQ(ids, expected);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

TEST(FusedIndex, ACancelledAddLeavesAnswersAsTheyWere) {
  const Rows rows = clustered(6000, 24, 12);  // more than the 50 ms that pass between reports
  const Rows queries = clustered(20, 24, 13);
  Config config = fused(24);
  config.build_beam = 200;
  const auto index = make_index(config);
  index->add(rows.part(0, 700));
  const auto bytes = index->to_bytes();
  const Neighbors before = index->search(queries.batch());
  EXPECT_THROW(index->add(rows.part(700, 5300), {}, [](std::size_t, std::size_t) { return false; }),
               Cancelled);
  EXPECT_EQ(index->to_bytes(), bytes);
  EXPECT_TRUE(same(index->search(queries.batch()), before));
}

TEST(FusedIndex, RetrainingKeepsTheGraphAndRefreshesTheSigns) {
  const Rows rows = clustered(600, 32, 14);
  const Rows queries = clustered(30, 32, 15);
  const auto index = filled(fused(32, Metric::cosine, Encoding::lvq4x8), rows);
  index->retrain();
  EXPECT_TRUE(index->check().empty());
  EXPECT_GE(test::recall(*index, rows, queries, {.k = 10, .beam = 60}), .95);
}

TEST(FusedIndex, LargerBeamsFindMoreAndGammaStopsEarlier) {
  const Rows rows = clustered(1200, 64, 16, 1);
  const Rows queries = clustered(50, 64, 17, 1);
  const auto index = filled(fused(64, Metric::l2, Encoding::lvq8x8), rows);
  const Neighbors wide = index->search(queries.batch(), {.k = 10, .beam = 300});
  const Neighbors early = index->search(queries.batch(), {.k = 10, .beam = 300, .gamma = 0.05F});
  EXPECT_LT(early.stats.hops, wide.stats.hops);
  EXPECT_LT(test::recall(*index, rows, queries, {.k = 10, .beam = 5}),
            test::recall(*index, rows, queries, {.k = 10, .beam = 300}));
}

TEST(FusedIndex, TuningReachesTheRecallByBeamOrGamma) {
  const Rows rows = clustered(1200, 64, 20, 1);
  const Rows queries = clustered(60, 64, 21, 1);
  const auto index = filled(fused(64, Metric::l2, Encoding::lvq8x8), rows);
  for (const double recall : {.8, .99}) {
    const Tuned tuned = tune(*index, queries.batch(), recall);
    EXPECT_GE(tuned.recall, recall);
    EXPECT_EQ(index->defaults().beam, tuned.defaults.beam);
    EXPECT_EQ(index->defaults().gamma, tuned.defaults.gamma);
    EXPECT_GE(test::recall(*index, rows, queries, {.k = 10}), recall - .01);
  }
}

TEST(FusedIndex, WrongCombinationsAreNamed) {
  for (const Config& wrong :
       {Config{.dim = 8, .layout = Layout::fused},
        Config{.dim = 8, .encoding = Encoding::f16, .layout = Layout::fused},
        Config{.dim = 8, .encoding = Encoding::lvq8, .layout = Layout::fused, .degree = 48},
        Config{.dim = 8,
        .encoding = Encoding::lvq8,
        .quantizer = Quantizer::plain,
        .layout = Layout::fused},
        Config{.dim = 8,
        .encoding = Encoding::lvq8,
        .layout = Layout::fused,
        .graph = GraphKind::none},
        Config{.dim = 4097, .encoding = Encoding::lvq8, .layout = Layout::fused}})
    EXPECT_THROW((void)make_index(wrong), std::invalid_argument);
  const auto index = make_index(fused(8));
  for (const float gamma : {-1.0F, 1001.0F, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THROW(index->set_defaults({.gamma = gamma}), std::invalid_argument);
    EXPECT_THROW((void)index->search(clustered(1, 8, 1).batch(), {.gamma = gamma}),
                 std::invalid_argument);
  }
}

TEST(FusedIndexThreads, SearchesRunBesideAddsAndSeeSoundAnswers) {
  const Rows rows = clustered(1200, 32, 18);
  const Rows queries = clustered(16, 32, 19);
  const auto index = make_index(fused(32));
  index->add(rows.part(0, 400));
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!stop) {
        const Neighbors hits = index->search(queries.batch(), {.k = 5, .threads = 1});
        for (std::size_t q = 0; q < queries.count; ++q) {
          EXPECT_EQ(hits.counts[q], 5U);
          EXPECT_TRUE(std::is_sorted(hits.distances_of(q).begin(), hits.distances_of(q).end()));
        }
      }
    });
  for (std::size_t first = 400; first < 1200; first += 50) index->add(rows.part(first, 50));
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(index->check().empty());
  EXPECT_GE(test::recall(*index, rows, queries, {.k = 5, .beam = 60}), .95);
}

}  // namespace
}  // namespace vecinal
