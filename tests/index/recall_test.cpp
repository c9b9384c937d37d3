// Searches that ask for a recall: which settings they get, and what makes those void.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/progress.hpp"
#include "support/data.hpp"
#include "support/sets.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::clustered;
using test::Rows;

constexpr std::size_t dim = 40;

const Rows& items() {
  static const Rows rows = clustered(1500, dim, 1, 1);
  return rows;
}

const Rows& queries() {
  static const Rows rows = clustered(60, dim, 2, 1);
  return rows;
}

Config config_of(Layout layout) {
  return {.dim = dim,
          .encoding = layout == Layout::fused ? Encoding::lvq8x8 : Encoding::lvq4x8,
          .layout = layout,
          .build_beam = 60,
          .threads = 2};
}

std::unique_ptr<Index> filled(const Config& config) {
  auto index = make_index(config);
  index->add(items().batch());
  return index;
}

/// A row that no tune() made.
Tuned row_of(double target, std::size_t k, std::size_t beam, float gamma = 0) {
  return {.target = target,
          .k = k,
          .defaults = {.beam = beam, .gamma = gamma},
          .recall = target,
          .checked_recall = target,
          .checked_low = target,
          .checked_high = target,
          .items = 1500};
}

std::uint64_t hops(const Index& index, const SearchParams& params) {
  return index.search(queries().batch(), params).stats.hops;
}

/// What the search says when it throws std::invalid_argument.
std::string refusal(const Index& index, const SearchParams& params) {
  try {
    (void)index.search(queries().batch(), params);
  } catch (const std::invalid_argument& wrong) {
    return wrong.what();
  }
  return "";
}

class Recall : public testing::TestWithParam<Layout> {};

TEST_P(Recall, SearchesReachTheRecallThatWasTuned) {
  const auto index = filled(config_of(GetParam()));
  for (const double recall : {.99, .8})
    EXPECT_GE(tune(*index, queries().batch(), recall).recall, recall);
  const auto loaded = load_index(index->to_bytes());
  for (const Index* one : {index.get(), loaded.get()}) {
    const std::vector<Tuned> tuned = one->stats().tuned;
    ASSERT_EQ(tuned.size(), 2U);
    EXPECT_EQ(tuned[0].target, .8);
    EXPECT_EQ(tuned[1].items, 1500U);
    // Of the exact answers over the stored vectors, which tune() measures by, a little is lost.
    EXPECT_GE(test::recall(*one, items(), queries(), {.k = 10, .recall = .99}), .97);
    EXPECT_LT(hops(*one, {.recall = .8}), hops(*one, {.recall = .99}));
    EXPECT_EQ(hops(*one, {.recall = .81}), hops(*one, {.recall = .99})) << "the next one above";
    EXPECT_EQ(hops(*one, {.recall = .8}), hops(*one, {})) << "tuned last, so the default";
  }
  EXPECT_EQ(loaded->to_bytes(), index->to_bytes());
}

TEST_P(Recall, SettingsDoNotMixWithTheDefaults) {
  const auto index = filled(config_of(GetParam()));
  const Tuned tuned = tune(*index, queries().batch(), .9);
  const Neighbors before = index->search(queries().batch(), {.recall = .9});
  index->set_defaults({.beam = 7, .rerank = 700, .gamma = 0.001F});
  const Neighbors after = index->search(queries().batch(), {.recall = .9});
  EXPECT_EQ(after.ids, before.ids);
  EXPECT_EQ(after.stats.hops, before.stats.hops);
  EXPECT_EQ(after.stats.reranked, before.stats.reranked);
  // Nor does tune() measure with what another one left.
  const Tuned again = tune(*index, queries().batch(), .9);
  EXPECT_EQ(again.defaults.beam, tuned.defaults.beam);
  EXPECT_EQ(again.defaults.gamma, tuned.defaults.gamma);
  EXPECT_EQ(again.recall, tuned.recall);
}

TEST_P(Recall, TuningReportsProgressAndCanBeCancelled) {
  const auto index = filled(config_of(GetParam()));
  const auto before = index->to_bytes();
  std::size_t last = 0;
  std::size_t last_total = 0;
  const auto watch = [&](std::size_t done, std::size_t total) {
    EXPECT_GE(done, last);
    EXPECT_GE(total, done);
    last = done;
    return done < 2 * queries().batch().count;
  };
  EXPECT_THROW(tune(*index, queries().batch(), .9, 10, watch), Cancelled);
  EXPECT_EQ(index->to_bytes(), before);
  std::size_t calls = 0;
  tune(*index, queries().batch(), .9, 10, [&](std::size_t done, std::size_t total) {
    ++calls;
    last = done;
    last_total = total;
    return true;
  });
  EXPECT_GT(calls, 2U);
  EXPECT_EQ(last, last_total) << "all of it, in the end";
}

/// A search may be over before its first call but the last, which does not stop a search.
TEST_P(Recall, TuningIsCancelledByTheLastCallOfASearchToo) {
  const auto index = filled(config_of(GetParam()));
  const auto before = index->to_bytes();
  progress_interval = std::chrono::hours(1'000'000);
  std::size_t calls = 0;
  const auto stop = [&](std::size_t, std::size_t) { return ++calls == 0; };
  EXPECT_THROW(tune(*index, queries().batch(), .9, 10, stop), Cancelled);
  progress_interval = std::chrono::milliseconds(50);
  EXPECT_EQ(calls, 1U);
  EXPECT_EQ(index->to_bytes(), before);
}

TEST_P(Recall, OnlyWhatChangesWhatABeamFindsMakesThemVoid) {
  const auto index = filled(config_of(GetParam()));
  const auto keep = [&] {
    Tuned row = row_of(.9, 10, 40);
    row.revision = index->stats().revision;
    EXPECT_TRUE(index->keep_tuned(row));
  };
  keep();
  index->add(clustered(50, dim, 3, 1).batch());
  index->remove(std::vector<Id>{3, 4, 5});
  index->compact();
  index->set_defaults({.beam = 100});
  EXPECT_THROW(index->retrain(clustered(3, dim + 1, 4).batch()), std::invalid_argument);
  ASSERT_EQ(index->stats().tuned.size(), 1U);
  EXPECT_EQ(index->stats().tuned[0].items, 1500U);
  const Tuned before = index->stats().tuned[0];
  index->retrain();
  EXPECT_TRUE(index->stats().tuned.empty());
  EXPECT_FALSE(index->keep_tuned(before)) << "measured before";
  EXPECT_NE(refusal(*index, {.recall = .9}), "");
  keep();
  EXPECT_GT(index->fit_queries(queries().batch()).links, 0U);
  EXPECT_TRUE(index->stats().tuned.empty());
}

INSTANTIATE_TEST_SUITE_P(Layouts, Recall, testing::Values(Layout::split, Layout::fused),
                         [](const auto& param_info) {
                           return std::string(name(param_info.param));
                         });

TEST(RecallRows, TheLeastSufficientTargetOfTheKOrTheNextLargerKIsTaken) {
  const auto index = filled(config_of(Layout::fused));
  for (const Tuned& row : {row_of(.95, 10, 30), row_of(.9, 10, 20), row_of(.9, 100, 50),
                           row_of(.97, 50, 45, .1F), row_of(.97, 100, 60), row_of(.9, 10, 25)})
    EXPECT_TRUE(index->keep_tuned(row));
  EXPECT_EQ(index->stats().tuned.size(), 5U) << "the newest of an equal one replaces it";
  const auto beam_of = [&](double recall, std::size_t k) {
    for (std::size_t beam = 1; beam < 70; ++beam)
      if (hops(*index, {.k = k, .beam = beam}) == hops(*index, {.k = k, .recall = recall}))
        return beam;
    return std::size_t{0};
  };
  EXPECT_EQ(beam_of(.5, 10), 25U);
  EXPECT_EQ(beam_of(.92, 10), 30U);
  EXPECT_EQ(beam_of(.96, 10), 60U) << "gamma of another k means nothing";
  EXPECT_EQ(beam_of(.9, 60), 50U);
  const std::string said = refusal(*index, {.recall = .99});
  EXPECT_NE(said.find("recall 0.99 at k 10 is not tuned"), std::string::npos) << said;
  EXPECT_NE(said.find("0.95 at k 10"), std::string::npos) << said;
  EXPECT_NE(said.find("tune(queries, 0.99, 10)"), std::string::npos) << said;
  EXPECT_NE(refusal(*index, {.k = 101, .recall = .5}), "");
}

TEST(RecallRows, SettingsThatFallShortAreNotKept) {
  const auto index = filled(config_of(Layout::split));
  EXPECT_TRUE(index->keep_tuned(row_of(.9, 10, 20)));
  Tuned missed = row_of(.9, 10, 40);
  missed.recall = .8;
  EXPECT_TRUE(index->keep_tuned(missed));
  EXPECT_TRUE(index->stats().tuned.empty());
}

TEST(RecallRows, WrongOnesAreNamed) {
  const auto index = filled(config_of(Layout::fused));
  EXPECT_TRUE(index->keep_tuned(row_of(.9, 10, 20)));
  for (const double recall : {-.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_NE(refusal(*index, {.recall = recall}).find("recall must be in (0, 1]"),
              std::string::npos);
  for (const SearchParams& both :
       {SearchParams{.recall = .9, .beam = 10}, SearchParams{.recall = .9, .rerank = 10},
        SearchParams{.recall = .9, .gamma = .1F}, SearchParams{.recall = .9, .reduced_dim = 32},
        SearchParams{.recall = .9, .candidates = 10}})
    EXPECT_NE(refusal(*index, both).find("give it or them"), std::string::npos);
  const Tuned good = row_of(.9, 10, 20);
  std::vector<Tuned> wrong(10, good);
  wrong[0].target = 0;
  wrong[1].target = 1.5;
  wrong[2].k = 0;
  wrong[3].recall = 2;
  wrong[4].checked_recall = -1;
  wrong[5].checked_low = .95;
  wrong[6].checked_high = .85;
  wrong[7].items = 0;
  wrong[8].defaults.beam = 0;
  wrong[9].defaults.candidates = 100;
  for (const Tuned& row : wrong) EXPECT_THROW(index->keep_tuned(row), std::invalid_argument);
  EXPECT_EQ(index->stats().tuned.size(), 1U);
}

TEST(RecallRows, ExactSearchesReachEveryRecall) {
  Config config = config_of(Layout::split);
  EXPECT_EQ(refusal(*filled(config), {.recall = .9, .exact = true}), "");
  config.graph = GraphKind::none;
  const auto flat = filled(config);
  EXPECT_EQ(refusal(*flat, {.recall = 1}), "");
  for (std::size_t count = 1; count <= 60; ++count)  // intervals of as many draws end at 1
    EXPECT_EQ(tune(*flat, queries().part(0, count), 1).checked_high, 1);
}

TEST(RecallRows, SetsGetTheirCandidates) {
  const test::Sets documents = test::random_sets(300, 16, 20);
  const test::Sets asked = test::queries_near(documents, 30, 21, 1.0F);
  Config config{.dim = 16, .metric = Metric::chamfer, .fde = {.k_sim = 3, .repetitions = 8}};
  for (const GraphKind graph : {GraphKind::hnsw, GraphKind::none}) {
    config.graph = graph;
    const auto index = make_index(config);
    index->add(documents.batch());
    EXPECT_THROW((void)index->search(asked.batch(), {.recall = .9}), std::invalid_argument);
    const Tuned high = tune(*index, asked.batch(), .95, 5);
    const Tuned low = tune(*index, asked.batch(), .6, 5);
    ASSERT_LT(low.defaults.candidates, high.defaults.candidates);
    const auto loaded = load_index(index->to_bytes());
    EXPECT_EQ(loaded->stats().tuned.size(), 2U);
    const auto ranked = [&](double recall) {
      return loaded->search(asked.batch(), {.k = 5, .recall = recall}).stats.reranked;
    };
    EXPECT_EQ(ranked(.6), 30 * low.defaults.candidates);
    EXPECT_EQ(ranked(.9), 30 * high.defaults.candidates);
  }
}

TEST(RecallRows, TuningRunsBesideSearchesAndRetraining) {
  const auto index = filled(config_of(Layout::fused));
  EXPECT_TRUE(index->keep_tuned(row_of(.5, 10, 20)));
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      try {
        const Neighbors hits = index->search(queries().part(0, 4), {.recall = .5, .threads = 1});
        EXPECT_EQ(hits.counts[0], 10U);
      } catch (const std::invalid_argument&) {  // retrained, and not tuned again yet
      }
    }
  });
  std::thread retrainer([&] {
    for (int i = 0; i < 3; ++i) index->retrain();
  });
  for (int i = 0; i < 3; ++i) (void)tune(*index, queries().part(0, 20), .5);
  retrainer.join();
  const Tuned last = tune(*index, queries().part(0, 20), .5);
  stop = true;
  reader.join();
  ASSERT_EQ(index->stats().tuned.size(), 1U);
  EXPECT_EQ(index->stats().tuned[0].defaults.beam, last.defaults.beam);
}

}  // namespace
}  // namespace vecinal
