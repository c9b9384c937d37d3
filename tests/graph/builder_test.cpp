#include "graph/builder.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace vecinal {
namespace {

std::unique_ptr<Storage> random_rows(std::size_t count, std::size_t dim, kernels::Op op,
                                     bool long_hubs) {
  auto rows = std::make_unique<Storage>(RowFormat{.op = op, .dim = dim});
  rows->resize(count);
  AlignedFloats row(rows->padded_dim());
  QueryBuffer buffer(*rows);
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (Slot slot = 0; slot < count; ++slot) {
    for (std::size_t d = 0; d < dim; ++d)
      row.data()[d] = normal(random) * (long_hubs && slot < 3 ? 50.0F : 1.0F);
    EXPECT_TRUE(rows->set(slot, row.data(), 0, buffer).in_range);
  }
  return rows;
}

void expect_sound(const Storage& rows, std::uint32_t degree, Geometry geometry,
                  std::uint32_t fill) {
  Graph graph(degree);
  std::vector<Slot> order(rows.size());
  std::iota(order.rbegin(), order.rend(), 0U);
  Builder(graph, rows, {.beam = 30, .geometry = geometry, .fill = fill, .threads = 2})
      .insert(order, [](std::size_t) {});
  EXPECT_EQ(graph.check(), std::vector<std::string>{});
}

TEST(Builder, EveryNodeIsReachableWhateverTheDegreeAndPruning) {
  const auto rows = random_rows(1500, 8, kernels::Op::l2, false);
  for (const std::uint32_t degree : {4U, 8U, 32U})
    for (const float alpha : {0.8F, 1.0F, 1.4F})
      for (const std::uint32_t fill : {0U, degree})
        expect_sound(*rows, degree, {.alpha = alpha, .shift = 0}, fill);
}

TEST(Builder, HubsOfInnerProductDoNotCutTheGraphApart) {
  // A few long rows are the nearest of everybody: far more children than a row has places.
  expect_sound(*random_rows(1500, 8, kernels::Op::negative_dot, true), 8, {.alpha = 1, .shift = 0},
               0);
}

TEST(Builder, LargeBatchesGiveTheSameLinksForAnyNumberOfThreads) {
  const auto rows = random_rows(30'000, 4, kernels::Op::l2, false);
  std::vector<Slot> order(rows->size());
  std::iota(order.begin(), order.end(), 0U);
  std::vector<Node> first;
  for (const unsigned threads : {1U, 5U}) {
    Graph graph(6);
    Builder(graph, *rows, {.beam = 8, .geometry = {}, .threads = threads})
        .insert(order, [](std::size_t) {});
    const auto links = graph.layer(0).links().view();
    if (first.empty()) first.assign(links.begin(), links.end());
    EXPECT_TRUE(std::equal(links.begin(), links.end(), first.begin(), first.end())) << threads;
    EXPECT_EQ(graph.check(), std::vector<std::string>{});
  }
}

TEST(Builder, AnExceptionRollsEverythingBack) {
  const auto rows = random_rows(800, 8, kernels::Op::l2, false);
  Storage first({.dim = 8});
  QueryBuffer buffer(first);
  first.resize(400);
  for (Slot slot = 0; slot < 400; ++slot)
    ASSERT_TRUE(
        first.set(slot, reinterpret_cast<const float*>(rows->row(slot)), 0, buffer).in_range);
  Graph graph(8);
  std::vector<Slot> order(400);
  std::iota(order.begin(), order.end(), 0U);
  Builder(graph, first, {.beam = 30, .geometry = {}}).insert(order, [](std::size_t) {});
  const std::vector<Node> before(graph.layer(0).links().view().begin(),
                                 graph.layer(0).links().view().end());
  std::iota(order.begin(), order.end(), 400U);
  Builder failing(graph, *rows, {.beam = 30, .geometry = {}});
  EXPECT_THROW(failing.insert(order,
                              [](std::size_t done) {
                                if (done > 200) throw std::runtime_error("stop");
                              }),
               std::runtime_error);
  const auto after = graph.layer(0).links().view();
  EXPECT_EQ(std::vector<Node>(after.begin(), after.end()), before);
  EXPECT_EQ(graph.check(), std::vector<std::string>{});
}

}  // namespace
}  // namespace vecinal
