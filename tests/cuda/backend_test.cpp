// Every operation of a backend, for every kind of row and odd shapes, against the CPU's.
#include "backend/backend.hpp"

#include <algorithm>

#include "backend/device_build.hpp"
#include "graph/walk.hpp"
#include "world.hpp"

namespace vecinal::test {
namespace {

class Parity : public testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, Parity, testing::ValuesIn(all_kinds()), kind_name);

/// The same rows in the same order; where floats are compared, rows whose scores differ by no more
/// than the tolerance may change places.
void expect_alike(std::span<const Scored> found, std::span<const Scored> expected, float tolerance,
                  const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (tolerance == 0) {
      ASSERT_EQ(found[i].slot, expected[i].slot) << what << " place " << i;
    }
    ASSERT_NEAR(found[i].score, expected[i].score, tolerance) << what << " place " << i;
  }
}

std::vector<Scored> best_of(const World& world, std::size_t query, std::span<const Slot> slots,
                            std::size_t most) {
  QueryBuffer buffer(world.rows());
  const Scorer scorer = world.rows().scorer(world.queries()[query], buffer);
  std::vector<Scored> all;
  for (const Slot slot : slots) all.push_back({scorer(slot), slot});
  std::sort(all.begin(), all.end());
  all.resize(most);  // behind the last one, entries without a slot
  return all;
}

std::vector<Slot> first_slots(std::size_t count) {
  std::vector<Slot> slots(count);
  std::iota(slots.begin(), slots.end(), 0U);
  return slots;
}

TEST_P(Parity, ScansFindTheBestRows) {
  for (const std::size_t dim : {1U, 31U, 33U, 130U}) {
    World world(GetParam(), 333, dim, 3);
    for (const std::size_t most : {1U, 10U, 40U, 500U}) {
      std::vector<Scored> found(3 * most);
      cuda_backend().knn(world.on_device(), world.block(), 333, {}, most, found);
      for (std::size_t q = 0; q < 3; ++q)
        expect_alike(std::span(found).subspan(q * most, most),
                     best_of(world, q, first_slots(333), most), world.tolerance(),
                     "dim " + std::to_string(dim) + " query " + std::to_string(q));
    }
  }
}

/// So many rows that a query's lists come from more blocks than a warp has lanes.
TEST(ScanParity, ListsOfManyBlocksAreMerged) {
  constexpr std::size_t rows = 9001;
  World world({kernels::RowType::lvq8, kernels::Op::l2, ""}, rows, 5, 1);
  for (const std::size_t most : {1U, 12U, 700U}) {
    std::vector<Scored> found(most);
    cuda_backend().knn(world.on_device(), world.block(), rows, {}, most, found);
    expect_alike(found, best_of(world, 0, first_slots(rows), most), 0, "all");
  }
}

TEST_P(Parity, ScansForManyQueriesFindTheSame) {
  for (const std::size_t dim : {1U, 33U, 100U}) {
    World world(GetParam(), 700, dim, 43);
    for (const std::size_t most : {1U, 26U}) {
      std::vector<Scored> found(43 * most);
      cuda_backend().knn(world.on_device(), world.block(), 700, {}, most, found);
      for (std::size_t q = 0; q < 43; q += 7)
        expect_alike(std::span(found).subspan(q * most, most),
                     best_of(world, q, first_slots(700), most), world.split_tolerance(),
                     "dim " + std::to_string(dim) + " query " + std::to_string(q));
    }
  }
}

/// Enough of both for a screen (cuda/screen_scan.hpp), and neither a whole number of tiles.
constexpr std::size_t screened_queries = 101;
constexpr std::size_t screened_rows = 2100;

void expect_screened(World& world, std::size_t queries, const std::vector<Slot>& listed,
                     std::size_t most) {
  std::vector<Scored> found(queries * most);
  const bool all = listed.size() == screened_rows;
  cuda_backend().knn(world.on_device(), world.block(), screened_rows,
                     all ? std::span<const Slot>() : listed, most, found);
  for (std::size_t q = 0; q < queries; ++q)
    expect_alike(std::span(found).subspan(q * most, most), best_of(world, q, listed, most),
                 world.split_tolerance(), "query " + std::to_string(q));
}

TEST_P(Parity, ScreensFindTheSame) {
  World world(GetParam(), screened_rows, 70, screened_queries);
  expect_screened(world, screened_queries, first_slots(screened_rows), 26);
  std::vector<Slot> listed;
  for (Slot slot = screened_rows; slot-- > 0;)
    if (slot % 67 != 3) listed.push_back(slot);
  expect_screened(world, screened_queries, listed, 11);
}

TEST(ScreenParity, ScreensHaveTilesOfQueries) {
  World world({kernels::RowType::f32, kernels::Op::l2, ""}, screened_rows, 20, 131);
  expect_screened(world, 131, first_slots(screened_rows), 40);
}

/// Rows that halves cannot tell apart: the screen leaves the queries open, and they are answered
/// all the same. 1024 and something is 1024 as a half.
TEST(ScreenParity, WhatAScreenLeavesOpenIsScanned) {
  const auto make = [](std::size_t dim, std::uint32_t number) {
    std::vector<float> values(dim);
    values[0] = number < World::first_query ? 1024 + 2e-4F * static_cast<float>(number) : 1;
    return values;
  };
  World world({kernels::RowType::f32, kernels::Op::negative_dot, ""}, screened_rows, 4,
              screened_queries, make);
  constexpr std::size_t most = 26;
  std::vector<Scored> found(screened_queries * most);
  cuda_backend().knn(world.on_device(), world.block(), screened_rows, {}, most, found);
  for (std::size_t q = 0; q < screened_queries; q += 50)
    expect_alike(std::span(found).subspan(q * most, most),
                 best_of(world, q, first_slots(screened_rows), most), 0x1p-16F * 1024,
                 "query " + std::to_string(q));
}

void expect_listed_only(const Kind& kind, const std::vector<Slot>& listed, std::size_t queries,
                        std::size_t most) {
  World world(kind, 200, 48, queries);
  std::vector<Scored> found(queries * most);
  cuda_backend().knn(world.on_device(), world.block(), 200, listed, most, found);
  for (std::size_t q = 0; q < queries; ++q)
    expect_alike(std::span(found).subspan(q * most, most), best_of(world, q, listed, most),
                 world.split_tolerance(), "query " + std::to_string(q));
}

TEST_P(Parity, ScansSeeTheListedRowsOnly) {
  expect_listed_only(GetParam(), {199, 3, 77, 76, 0, 150, 151}, 2, 5);
  expect_listed_only(GetParam(), {99, 3, 77, 76, 0, 50, 51}, 9, 10);  // fewer than asked for
}

/// walk() from the entry of the graph, as search.cpp does it.
std::vector<Scored> walk_on_cpu(const World& world, const Graph& graph, std::size_t query,
                                Breadth breadth) {
  QueryBuffer buffer(world.rows());
  WalkScratch scratch;
  const GraphView view = graph.view();
  const Scorer scorer = world.rows().scorer(world.queries()[query], buffer);
  Scored entry{0, view.entry()};
  entry.score = scorer(view.layers[view.levels - 1].slot(entry.slot));
  for (std::uint32_t level = view.levels - 1; level > 0; --level) {
    entry = descend(view.layers[level], scorer, entry, scratch);
    entry.slot = view.layers[level].down[entry.slot];
  }
  walk(view.layers[0], scorer, entry, breadth, scratch);
  std::vector<Scored> found(breadth.capacity);
  for (std::size_t i = 0; i < scratch.pool.size(); ++i) found[i] = scratch.pool[i];
  return found;
}

void search(World& world, const DeviceGraph& graph, const QueryBlock& queries,
            const DeviceBreadth& breadth, const DeviceRanking* ranking, std::span<Scored> found) {
  cuda_backend().search_graph(world.on_device(), graph, queries, breadth, ranking, found)->wait();
}

TEST_P(Parity, WalksFindTheSameNodes) {
  for (const std::uint32_t degree : {8U, 32U, 48U}) {
    World world(GetParam(), 400, 40, 4);
    Graph graph(degree);
    world.build(graph);
    const auto copy = cuda_backend().make_graph();
    put_graph(*copy, graph.view());
    for (const Breadth breadth : {Breadth{1, 1}, Breadth{20, 20}, Breadth{12, 70}}) {
      std::vector<Scored> found(4 * breadth.capacity);
      search(world, *copy, world.block(), {breadth.window, breadth.capacity}, nullptr, found);
      for (std::size_t q = 0; q < 4; ++q)
        expect_alike(std::span(found).subspan(q * breadth.capacity, breadth.capacity),
                     walk_on_cpu(world, graph, q, breadth), world.tolerance(),
                     "degree " + std::to_string(degree) + " query " + std::to_string(q));
    }
  }
}

TEST_P(Parity, WhatAWalkFindsIsRankedByOtherRows) {
  World walked({kernels::RowType::lvq8, kernels::Op::l2, "lvq8"}, 60, 40, 3);
  Graph graph(8);
  walked.build(graph);
  const auto copy = cuda_backend().make_graph();
  put_graph(*copy, graph.view());
  for (const std::size_t dim : {1U, 64U, 100U, 257U}) {
    World ranking(GetParam(), 60, dim, 3);
    constexpr std::size_t capacity = 70;  // more than there are rows
    std::vector<Scored> nodes(3 * capacity);
    std::vector<Scored> found(3 * capacity);
    const DeviceRanking ranked{&ranking.on_device(), ranking.block()};
    search(walked, *copy, walked.block(), {20, capacity}, nullptr, nodes);
    search(walked, *copy, walked.block(), {20, capacity}, &ranked, found);
    QueryBuffer buffer(ranking.rows());
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].slot, nodes[i].slot);
      if (found[i].slot == no_slot) continue;
      const Scorer scorer = ranking.rows().scorer(ranking.queries()[i / capacity], buffer);
      EXPECT_NEAR(found[i].score, scorer(found[i].slot), ranking.tolerance()) << "dim " << dim;
    }
  }
}

TEST_P(Parity, AnswersDoNotDependOnTheBatch) {
  World world(GetParam(), 300, 24, 9);
  Graph graph(16);
  world.build(graph);
  const auto copy = cuda_backend().make_graph();
  put_graph(*copy, graph.view());
  const QueryBlock all = world.block();
  std::vector<Scored> together(9 * 20);
  search(world, *copy, all, {20, 20}, nullptr, together);
  for (std::size_t q = 0; q < 9; ++q) {
    QueryBlock one = all;
    one.count = 1;
    if (one.values != nullptr) one.values += q * world.rows().padded_dim();
    if (one.steps != nullptr) one.steps += q * world.rows().padded_dim();
    if (one.scales != nullptr) one.scales += q;
    std::vector<Scored> alone(20);
    search(world, *copy, one, {20, 20}, nullptr, alone);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + q * 20));
  }
}

TEST(Backend, HasAName) { EXPECT_FALSE(cuda_backend().name().empty()); }

}  // namespace
}  // namespace vecinal::test
