// Timeouts of searches, and limits of memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <thread>

#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;

constexpr std::size_t dim = 32;

const test::Rows& rows() {
  static const test::Rows made = test::clustered(800, dim, 1);
  return made;
}

Config config_of(Encoding encoding, Layout layout, GraphKind graph = GraphKind::hnsw) {
  return {.dim = dim,
          .encoding = encoding,
          .layout = layout,
          .graph = graph,
          .build_beam = 40,
          .threads = 1};
}

const std::vector<Config>& configs() {
  static const std::vector<Config> kinds = {
      config_of(Encoding::f32, Layout::split), config_of(Encoding::lvq8x8, Layout::fused),
      config_of(Encoding::f32, Layout::split, GraphKind::none)};
  return kinds;
}

std::size_t whole(const Neighbors& hits) {
  return static_cast<std::size_t>(std::count(hits.complete.begin(), hits.complete.end(), 1));
}

TEST(Timeout, ThatIsNotReachedChangesNothing) {
  for (const Config& config : configs()) {
    const auto index = make_index(config);
    index->add(rows().batch());
    const Neighbors expected = index->search(rows().part(0, 20));
    EXPECT_TRUE(expected.complete.empty());
    for (const bool exact : {false, true}) {
      const Neighbors hits = index->search(rows().part(0, 20), {.timeout = 1h, .exact = exact});
      EXPECT_EQ(whole(hits), 20U);
      EXPECT_TRUE(exact || hits.ids == expected.ids);
    }
  }
}

TEST(Timeout, OfNothingMarksEveryQuery) {
  const Filter some = Filter::predicate([](Id id) { return id % 3 != 0; });
  for (const Config& config : configs()) {
    const auto index = make_index(config);
    index->add(rows().batch());
    for (const Plan plan : {Plan::automatic, Plan::inside, Plan::bridge, Plan::scan})
      for (const std::size_t queries : {1U, 20U}) {
        const Neighbors hits =
            index->search(rows().part(0, queries), {.filter = some, .plan = plan, .timeout = 0ns});
        EXPECT_EQ(hits.complete, std::vector<std::uint8_t>(queries, 0));
        for (std::size_t i = 0; i < hits.ids.size(); ++i)
          EXPECT_TRUE(hits.ids[i] == no_id || hits.ids[i] % 3 != 0);
      }
  }
}

TEST(Timeout, ThatAFilterUsesUpMarksEveryQuery) {
  const auto index = make_index(configs()[1]);
  index->add(rows().batch());
  bool slept = false;
  const Filter slow = Filter::predicate([&](Id) {
    if (!slept) std::this_thread::sleep_for(5ms);
    slept = true;
    return true;
  });
  EXPECT_EQ(whole(index->search(rows().part(0, 8), {.filter = slow, .timeout = 1ms})), 0U);
  EXPECT_EQ(whole(index->search(rows().part(0, 8), {.filter = slow, .timeout = 1h})), 8U);
}

TEST(Timeout, StillRefusesWrongQueries) {
  const auto index = make_index(configs()[0]);
  index->add(rows().batch());
  test::Rows wrong{1, dim, std::vector<float>(dim, 1.0F)};
  wrong.values[3] = std::numeric_limits<float>::infinity();
  EXPECT_THROW((void)index->search(wrong.batch(), {.timeout = 0ns}), std::invalid_argument);
}

TEST(Timeout, OfSetsOfVectors) {
  const auto index = make_index({.dim = dim,
                                 .metric = Metric::chamfer,
                                 .fde = {.k_sim = 2, .repetitions = 3},
                                 .build_beam = 40,
                                 .threads = 1});
  std::vector<std::size_t> offsets(201);
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = 2 * i;
  Batch sets = rows().part(0, 400);
  sets.offsets = offsets;
  index->add(sets);
  const Neighbors expected = index->search(sets);
  for (const bool exact : {false, true}) {
    const Neighbors all = index->search(sets, {.timeout = 1h, .exact = exact});
    EXPECT_EQ(whole(all), 200U);
    EXPECT_TRUE(exact || all.ids == expected.ids);
    const Neighbors none = index->search(sets, {.timeout = 0ns, .exact = exact});
    EXPECT_EQ(whole(none), 0U);
    EXPECT_EQ(none.complete.size(), 200U);
  }
}

TEST(MemoryLimit, RefusesWhatWouldNotFitAndChangesNothing) {
  for (Config config : configs()) {
    config.memory_limit = 100'000;
    const auto index = make_index(config);
    index->add(rows().part(0, 100));
    const auto before = index->to_bytes();
    try {
      index->add(rows().part(100, 700));
      FAIL() << "an add past the limit";
    } catch (const MemoryLimit& refused) {
      const std::string text = refused.what();
      EXPECT_NE(text.find(std::to_string(config.memory_limit)), std::string::npos) << text;
    }
    EXPECT_TRUE(index->to_bytes() == before);
    index->add(rows().part(100, 50));
    EXPECT_EQ(index->size(), 150U);
  }
}

TEST(MemoryLimit, CountsTheVectorsOfSets) {
  Config config{.dim = dim,
                .metric = Metric::chamfer,
                .fde = {.k_sim = 0, .projected_dim = 2, .repetitions = 1},
                .tokens = Encoding::f32,
                .graph = GraphKind::none,
                .threads = 1};
  config.memory_limit = 400 * dim * sizeof(float);
  const auto index = make_index(config);
  const std::vector<std::size_t> one = {0, 200};
  Batch set = rows().part(0, 200);
  set.offsets = one;
  index->add(set);
  EXPECT_THROW(index->add(set), MemoryLimit);
  EXPECT_EQ(index->size(), 1U);
}

}  // namespace
}  // namespace vecinal
