// Walks that take turns find what each of them finds alone.
#include "graph/split_walk.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>

#include "graph/builder.hpp"
#include "support/random.hpp"

namespace vecinal {
namespace {

constexpr std::size_t dim = 24;

/// Rows with a graph of several levels, and queries.
struct World {
  World(const RowFormat& format, std::size_t count, std::size_t query_count)
      : rows(format), graph(8) {
    rows.resize(count);
    QueryBuffer buffer(rows);
    for (Slot slot = 0; slot < count; ++slot) {
      const std::vector<float> row = padded(slot + 1);
      rows.set(slot, row.data(), std::inner_product(row.begin(), row.end(), row.begin(), 0.0F),
               buffer);
    }
    std::vector<Slot> order(count);
    std::iota(order.begin(), order.end(), Slot{0});
    Builder(graph, rows, {.beam = 30, .geometry = {}, .seed = 0, .threads = 1})
        .insert(order, [](std::size_t) {});
    for (std::uint32_t i = 0; i < query_count; ++i) {
      queries.push_back(padded(50'000 + i));
      buffers.push_back(std::make_unique<QueryBuffer>(rows));
    }
  }

  [[nodiscard]] std::vector<float> padded(std::uint32_t number) const {
    std::vector<float> values = test::random_floats(dim, number);
    values.resize(rows.padded_dim());
    return values;
  }
  [[nodiscard]] Scorer scorer(std::size_t query) const {
    return rows.scorer({queries[query].data(), 1.0F}, *buffers[query]);
  }

  Storage rows;
  Graph graph;
  std::vector<std::vector<float>> queries;
  std::vector<std::unique_ptr<QueryBuffer>> buffers;
};

std::vector<RowFormat> formats() {
  using kernels::RowType;
  return {{.type = RowType::f32, .op = kernels::Op::l2, .dim = dim},
          {.type = RowType::lvq8, .dim = dim, .weight = -2}};
}

void expect_same(const WalkScratch& turns, const WalkScratch& alone) {
  EXPECT_EQ(turns.hops, alone.hops);
  EXPECT_EQ(turns.distances, alone.distances);
  ASSERT_EQ(turns.pool.size(), alone.pool.size());
  for (std::size_t i = 0; i < turns.pool.size(); ++i) EXPECT_EQ(turns.pool[i], alone.pool[i]);
}

TEST(SplitWalk, FindsWhatADescentAndAWalkFind) {
  for (const RowFormat& format : formats())
    for (const Breadth breadth : {Breadth{1, 1}, Breadth{20, 20}, Breadth{10, 60}}) {
      const World world(format, 600, 7);
      const GraphView view = world.graph.view();
      ASSERT_GT(view.levels, 2U);
      std::vector<SplitWalk> walks(7);
      for (std::size_t q = 0; q < 7; ++q) walks[q].begin(view, world.scorer(q), breadth);
      // Some end long before others.
      for (bool any = true; any;) {
        any = false;
        const SplitWalk* ahead = nullptr;
        for (SplitWalk& walk : walks) {
          if (walk.over()) continue;
          any = true;
          walk.collect();
          walk.score(ahead);
          ahead = &walk;
        }
      }
      for (std::size_t q = 0; q < 7; ++q) {
        WalkScratch alone;
        const Scorer scorer = world.scorer(q);
        walk(view.layers[0], scorer, descend_to_base(view, scorer, alone), breadth, alone);
        expect_same(walks[q].scratch, alone);
        walks[q].begin(view, scorer, breadth);  // once more, with what it has
        walks[q].scratch.hops = walks[q].scratch.distances = 0;
        while (!walks[q].over()) {
          walks[q].collect();
          walks[q].score(nullptr);
        }
        expect_same(walks[q].scratch, alone);
      }
    }
}

TEST(SplitWalk, OfOneNodeIsOverAfterIt) {
  const World world(formats()[0], 1, 1);
  const GraphView view = world.graph.view();
  SplitWalk walk;
  EXPECT_TRUE(walk.over());
  walk.begin(view, world.scorer(0), {5, 5});
  EXPECT_FALSE(walk.over());
  walk.collect();
  walk.score(nullptr);
  EXPECT_TRUE(walk.over());
  ASSERT_EQ(walk.scratch.pool.size(), 1U);
  EXPECT_EQ(walk.scratch.pool[0].slot, 0U);
}

TEST(SplitWalk, EndsWhereTimeHasRunOut) {
  const World world(formats()[0], 600, 1);
  const GraphView view = world.graph.view();
  SplitWalk walk;
  walk.scratch.deadline = Deadline(std::chrono::nanoseconds(1));
  walk.begin(view, world.scorer(0), {200, 200});
  while (!walk.over()) {
    walk.collect();
    walk.score(nullptr);
  }
  EXPECT_LT(walk.scratch.pool.size(), 200U);
}

}  // namespace
}  // namespace vecinal
