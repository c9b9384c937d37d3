#include "graph/filtered_walk.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "graph/builder.hpp"
#include "support/random.hpp"

namespace vecinal {
namespace {

constexpr std::size_t count = 1000;
constexpr std::size_t dim = 8;
constexpr std::size_t budget = std::numeric_limits<std::uint32_t>::max();

/// A graph of random rows, and a walk over it from its first node.
struct Fixture {
  Fixture() : rows({.dim = dim}), graph(16) {
    rows.resize(count);
    QueryBuffer buffer(rows);
    values = test::random_floats(count * rows.padded_dim(), 1);
    for (Slot slot = 0; slot < count; ++slot) {
      float* row = values.data() + slot * rows.padded_dim();
      std::fill(row + dim, row + rows.padded_dim(), 0.0F);
      rows.set(slot, row, 0, buffer);
    }
    std::vector<Slot> order(count);
    std::iota(order.begin(), order.end(), Slot{0});
    Builder(graph, rows, {.beam = 40, .geometry = {}, .seed = 0, .threads = 1})
        .insert(order, [](std::size_t) {});
  }

  template <class Walk>
  bool run(Walk walk, const Accepted& accepted, std::size_t capacity = 10) {
    scratch.distances = 0;
    const QueryBuffer buffer(rows);
    const Scorer scorer = rows.scorer({values.data()}, buffer);
    const GraphView view = graph.view();
    return walk(view.layers[0], scorer, Scored{scorer(view.entry()), view.entry()},
                Breadth{.window = capacity, .capacity = capacity}, accepted, scratch);
  }

  Storage rows;
  Graph graph;
  std::vector<float> values;
  WalkScratch scratch;
};

/// Bits of every step-th slot below `end`.
std::vector<std::uint64_t> every(std::size_t step, std::size_t end = count) {
  std::vector<std::uint64_t> words((count + 63) / 64);
  for (std::size_t i = 0; i < end; i += step) words[i / 64] |= std::uint64_t{1} << i % 64;
  return words;
}

TEST(FilteredWalk, KeepsAcceptedNodesOnly) {
  Fixture made;
  for (const std::size_t step : {1U, 2U, 7U}) {
    const std::vector<std::uint64_t> words = every(step);
    const Accepted accepted{{words.data(), count}, budget, 1.0 / static_cast<double>(step), {}};
    for (const bool over : {false, true}) {
      ASSERT_TRUE(over ? made.run(walk_bridges, accepted) : made.run(walk_inside, accepted));
      ASSERT_EQ(made.scratch.pool.size() >= 10, true);
      EXPECT_EQ(made.scratch.pool[0].slot, 0U) << "the query itself";
      for (std::size_t i = 0; i < made.scratch.pool.size(); ++i)
        EXPECT_EQ(made.scratch.pool[i].slot % step, 0U);
    }
  }
}

TEST(FilteredWalk, BridgesScoreAcceptedNodesOnly) {
  Fixture made;
  const std::vector<std::uint64_t> words = every(10);
  ASSERT_TRUE(made.run(walk_bridges, {{words.data(), count}, budget, 0.1, {}}));
  EXPECT_LE(made.scratch.distances, count / 10);
  ASSERT_TRUE(made.run(walk_inside, {{words.data(), count}, budget, 0.1, {}}));
  EXPECT_GT(made.scratch.distances, count / 10);
}

TEST(FilteredWalk, GivesUpAfterTheBudget) {
  Fixture made;
  const std::vector<std::uint64_t> words = every(3);
  EXPECT_FALSE(made.run(walk_bridges, {{words.data(), count}, 5, 0.33, {}}));
  EXPECT_FALSE(made.run(walk_inside, {{words.data(), count}, 5, 0.33, {}}));
}

TEST(FilteredWalk, BridgesSayWhereTheyFoundNoWayOn) {
  // Five accepted nodes: fewer than the pool holds, so that not all may have been found.
  Fixture made;
  const std::vector<std::uint64_t> words = every(200);
  const std::vector<Slot> seeds = {400, 600};
  EXPECT_FALSE(made.run(walk_bridges, {{words.data(), count}, budget, 0.005, seeds}));
  EXPECT_GE(made.scratch.pool.size(), seeds.size());
}

TEST(FilteredWalk, BridgesTakeSeedsThatAreAcceptedOnly) {
  Fixture made;
  const std::vector<std::uint64_t> words = every(2);
  const std::vector<Slot> seeds = {1, 3, 5, 8};
  ASSERT_TRUE(made.run(walk_bridges, {{words.data(), count}, budget, 0.5, seeds}));
  for (std::size_t i = 0; i < made.scratch.pool.size(); ++i)
    EXPECT_EQ(made.scratch.pool[i].slot % 2, 0U);
}

}  // namespace
}  // namespace vecinal
