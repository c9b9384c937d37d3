// refine: what it finds more, and what it leaves as it was.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "support/data.hpp"
#include "support/sets.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::Rows;

constexpr std::size_t dim = 32;

/// A build with a narrow beam, which leaves something to mend.
Config config_of(Layout layout, Encoding encoding, Metric metric = Metric::l2) {
  return {.dim = dim,
          .metric = metric,
          .encoding = encoding,
          .layout = layout,
          .build_beam = 24,
          .threads = 2};
}

std::unique_ptr<Index> filled(const Config& config, const Rows& rows) {
  auto index = make_index(config);
  index->add(rows.batch());
  return index;
}

class Refine : public testing::TestWithParam<Layout> {};

TEST_P(Refine, TheSameBeamFindsMore) {
  const Rows rows = test::clustered(4000, dim, 1, 40);
  const Rows asked = test::clustered(300, dim, 2, 40);
  double before = 0;
  double after = 0;
  for (const Metric metric : {Metric::l2, Metric::cosine, Metric::inner_product}) {
    const auto index = filled(config_of(GetParam(), Encoding::lvq8, metric), rows);
    const SearchParams params{.k = 10, .beam = 14};
    before += test::recall(*index, rows, asked, params);
    const std::size_t bytes = index->stats().bytes_graph;
    index->refine();
    after += test::recall(*index, rows, asked, params);
    EXPECT_EQ(index->check(), std::vector<std::string>{});
    EXPECT_EQ(index->stats().bytes_graph, bytes);
  }
  EXPECT_LT(3 - after, .8 * (3 - before));  // a fifth of the neighbours missed, at least
}

TEST_P(Refine, GivesTheSameBytesForAnyNumberOfThreads) {
  const Rows rows = test::clustered(800, dim, 3, 20);
  Config config = config_of(GetParam(), Encoding::lvq4x8, Metric::cosine);
  const auto two = filled(config, rows);
  config.threads = 1;
  const auto one = filled(config, rows);
  const auto before = one->to_bytes();
  two->refine({.beam = 50, .rounds = 2});
  one->refine({.beam = 50, .rounds = 2});
  EXPECT_EQ(one->to_bytes(), two->to_bytes());
  EXPECT_NE(one->to_bytes(), before);
  EXPECT_EQ(load_index(one->to_bytes())->to_bytes(), one->to_bytes());
}

TEST_P(Refine, WorksForEveryEncodingReductionAndDegree) {
  const Rows rows = test::clustered(700, dim, 4, 10);
  const bool fused = GetParam() == Layout::fused;
  for (const Encoding encoding : {Encoding::f32, Encoding::f16, Encoding::lvq4, Encoding::lvq8x8}) {
    if (fused && (encoding == Encoding::f32 || encoding == Encoding::f16)) continue;
    for (const std::uint32_t degree : {fused ? 64U : 4U, fused ? 32U : 128U}) {
      Config config = config_of(GetParam(), encoding);
      config.degree = degree;
      const auto index = filled(config, rows);
      index->refine({.beam = 5});
      index->refine({.beam = 1000});
      EXPECT_EQ(index->check(), std::vector<std::string>{}) << name(encoding) << degree;
    }
  }
  Config config = config_of(GetParam(), Encoding::lvq4x8, Metric::inner_product);
  config.reduction = Reduction::leanvec_ood;
  config.reduced_dim = 16;
  const auto index = make_index(config);
  index->train(rows.batch(), test::clustered(100, dim, 5, 3).batch());
  index->add(rows.batch());
  index->refine({.beam = 60});
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

TEST_P(Refine, KeepsTwinsRemovedItemsAndWhatComesLater) {
  Rows rows = test::clustered(2000, dim, 6, 20);
  std::copy_n(rows.values.begin(), 50 * dim, rows.values.begin() + 1000 * dim);
  const auto index = filled(config_of(GetParam(), Encoding::lvq8), rows);
  std::vector<Id> removed;
  for (Id id = 0; id < 300; id += 2) removed.push_back(id);
  index->remove(removed);
  index->refine({.beam = 40});
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  const Neighbors twins =
      index->search({.data = rows.values.data(), .count = 50, .dim = dim}, {.k = 2, .beam = 40});
  for (std::size_t i = 0; i < 50; ++i)
    EXPECT_EQ(twins.ids_of(i)[i % 2 == 0 ? 0 : 1], static_cast<Id>(1000 + i));
  const Rows later = test::clustered(500, dim, 7, 20);
  index->add(later.batch());
  index->refine({.beam = 40});
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  const Neighbors found = index->search(later.batch(), {.k = 1, .beam = 60});
  std::size_t own = 0;
  for (std::size_t i = 0; i < later.count; ++i)
    own += found.ids[i] == static_cast<Id>(2000 + i) ? 1U : 0U;
  EXPECT_GE(own, 495U);
}

TEST_P(Refine, ACancelledOneLeavesTheIndexAsItWas) {
  const auto index =
      filled(config_of(GetParam(), Encoding::lvq8), test::clustered(6000, dim, 8, 20));
  const auto before = index->to_bytes();
  for (const std::size_t least :
       {std::size_t{0}, std::size_t{6000}}) {  // in the first round, later
    const auto stop = [&](std::size_t done, std::size_t total) {
      EXPECT_EQ(total, 100 * 6000U);
      return done <= least;
    };
    EXPECT_THROW(index->refine({.beam = 300, .rounds = 100, .progress = stop}), Cancelled);
    EXPECT_EQ(index->check(), std::vector<std::string>{});
    EXPECT_EQ(index->to_bytes(), before);
  }
  const Rows later = test::clustered(100, dim, 9, 20);
  const auto other = load_index(before);
  index->add(later.batch());
  other->add(later.batch());
  EXPECT_EQ(index->to_bytes(), other->to_bytes());
}

TEST_P(Refine, SearchesGoOnBesideIt) {
  const Rows rows = test::clustered(1000, dim, 10, 20);
  const auto index = filled(config_of(GetParam(), Encoding::lvq8), rows);
  std::atomic<bool> done = false;
  std::atomic<std::size_t> searches = 0;
  std::thread reader([&] {
    while (!done || searches == 0) {
      const Neighbors found = index->search({.data = rows.values.data(), .count = 50, .dim = dim},
                                            {.k = 1, .beam = 60});
      std::size_t own = 0;
      for (std::size_t i = 0; i < 50; ++i) own += found.ids[i] == static_cast<Id>(i) ? 1U : 0U;
      EXPECT_GE(own, 45U);
      ++searches;
    }
  });
  index->refine({.beam = 50, .rounds = 2});
  done = true;
  reader.join();
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

TEST_P(Refine, RefusesWhatItCannotDo) {
  const Rows rows = test::clustered(100, dim, 11, 5);
  Config config = config_of(GetParam(), Encoding::lvq8);
  const auto expect_refused = [](Index& index, const RefineParams& params, const char* part) {
    const auto before = index.to_bytes();
    try {
      index.refine(params);
      ADD_FAILURE() << part;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
    EXPECT_EQ(index.to_bytes(), before);
  };
  const auto index = filled(config, rows);
  expect_refused(*index, {.beam = 0}, "refine: beam must be 1 to 10000, got 0");
  expect_refused(*index, {.beam = 10'001}, "got 10001");
  expect_refused(*index, {.rounds = 0}, "refine: rounds must be 1 to 100, got 0");
  expect_refused(*make_index(config), {}, "refine: the index is empty");
  index->remove(index->ids());
  expect_refused(*index, {}, "refine: the index is empty");
  const Rows many = test::clustered(2000, dim, 11, 5);  // 1.3 MB for their links meanwhile
  config.memory_limit = filled(config, many)->stats().bytes + 500'000;
  const auto limited = filled(config, many);
  EXPECT_THROW(limited->refine(), MemoryLimit);
}

INSTANTIATE_TEST_SUITE_P(Layouts, Refine, testing::Values(Layout::split, Layout::fused),
                         [](const auto& test) { return std::string(name(test.param)); });

TEST(RefineOfOthers, NeedsAGraphAndForgetsWhatWasTuned) {
  const Rows rows = test::clustered(500, dim, 12, 5);
  const auto flat = filled({.dim = dim, .graph = GraphKind::none}, rows);
  EXPECT_THROW(flat->refine(), std::invalid_argument);
  const auto index = filled(config_of(Layout::fused, Encoding::lvq8), rows);
  tune(*index, rows.batch(), .9);
  const std::uint64_t revision = index->stats().revision;
  ASSERT_EQ(index->stats().tuned.size(), 1U);
  index->refine();
  EXPECT_TRUE(index->stats().tuned.empty());
  EXPECT_GT(index->stats().revision, revision);
}

TEST(RefineOfOthers, SetsHaveTheGraphOfTheirEncodings) {
  const test::Sets sets = test::random_sets(60, 16, 1);
  Config config{.dim = 16, .metric = Metric::chamfer, .encoding = Encoding::lvq8, .threads = 2};
  const auto index = make_index(config);
  index->add(sets.batch());
  const auto before = index->to_bytes();
  index->refine({.beam = 50});
  EXPECT_NE(index->to_bytes(), before);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

}  // namespace
}  // namespace vecinal
