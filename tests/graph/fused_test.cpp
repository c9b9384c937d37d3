// Tails of fused rows: what they estimate, and what is refused.
#include "graph/fused.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "graph/builder.hpp"
#include "graph/fused_walk.hpp"
#include "kernels/dispatch.hpp"
#include "support/random.hpp"

namespace vecinal {
namespace {

constexpr std::uint32_t degree = 32;

/// Rows of random values, with a graph and tails.
struct Fixture {
  explicit Fixture(std::size_t dim, std::size_t count, float correction)
      : rows(format(dim, correction)), graph(degree), fused(rows, dim, degree) {
    rows.resize(count);
    QueryBuffer buffer(rows);
    auto values = test::random_floats(count * rows.padded_dim(), 1);
    for (Slot slot = 0; slot < count; ++slot) {
      float* row = values.data() + slot * rows.padded_dim();
      std::fill(row + dim, row + rows.padded_dim(), 0.0F);
      const float norm = std::inner_product(row, row + dim, row, 0.0F);
      rows.set(slot, row, norm, buffer);
    }
    std::vector<Slot> order(count);
    std::iota(order.begin(), order.end(), Slot{0});
    Builder(graph, rows, {.beam = 40, .geometry = {}, .fill = degree, .seed = 0, .threads = 1})
        .insert(order, [](std::size_t) {});
    fused.refresh(rows, graph, std::vector<ChangedRow>(order.begin(), order.end()), 2);
  }

  static RowFormat format(std::size_t dim, float correction) {
    RowFormat format{
        .type = kernels::RowType::lvq8, .dim = dim, .weight = -2, .correction = correction};
    format.tail = FusedLayout::tail_bytes(Storage(format), dim, degree);
    return format;
  }

  Storage rows;
  Graph graph;
  Fused fused;
};

TEST(Fused, EstimatesLieAboutTheScoresOfTheNeighbours) {
  for (const float correction : {2.0F, 0.0F})
    for (const std::size_t dim : {64U, 100U, 256U}) {
      const Fixture made(dim, 300, correction);
      auto query = test::random_floats(dim, 5);
      query.resize(made.rows.padded_dim());
      const QueryBuffer buffer(made.rows);
      const float length = std::inner_product(query.begin(), query.end(), query.begin(), 0.0F);
      const Scorer scorer = made.rows.scorer({query.data(), length}, buffer);
      std::vector<std::uint8_t> table(4 * dim);
      kernels::SignQuery signs;
      kernels::active().sign_table(query.data(), dim, &signs, table.data());
      double sum = 0;
      double squares = 0;
      std::size_t count = 0;
      for (Slot slot = 0; slot < 300; ++slot) {
        std::array<float, 32> estimates;
        kernels::active().estimate(signs, made.fused.view().layout->block(made.rows.row(slot), 0),
                                   scorer(slot), 0, estimates.data());
        const auto links = made.graph.layer(0).row(slot);
        for (std::size_t k = 0; k < links.size(); ++k) {
          const double error = estimates[k] - scorer(links[k]);
          sum += error;
          squares += error * error;
          ++count;
        }
      }
      // The part of the signs across the residual: |q - c| |r| sqrt((pi/2 - 1) / dim) for Gaussian
      // residuals, of which all lengths here are about sqrt(2 dim), or |q| about sqrt(dim).
      const double lengths = correction == 0 ? std::sqrt(2.0) : 2.0;
      const double expected = 2 * lengths * std::sqrt(0.571 * static_cast<double>(dim));
      const double rms = std::sqrt(squares / static_cast<double>(count));
      EXPECT_LT(rms, 1.3 * expected);
      EXPECT_GT(rms, 0.4 * expected);
      EXPECT_LT(std::fabs(sum / static_cast<double>(count)), 0.1 * rms);
    }
}

TEST(FusedLayout, TakesNoLineForWhatFitsInOneLess) {
  for (const std::size_t dim : {4U, 30U, 100U, 256U, 384U, 512U, 784U, 4096U})
    for (const std::uint32_t neighbours : {32U, 64U, 96U}) {
      const std::size_t row = 8 + kernels::padded_codes(dim);
      const FusedLayout layout(row, dim, neighbours);
      EXPECT_EQ(layout.dims % 4, 0U);
      EXPECT_GE(layout.dims, dim);
      EXPECT_LT(layout.dims, dim + 4);
      const std::size_t needed = row + neighbours * 3 + 8 + layout.dims * neighbours / 8;
      EXPECT_EQ(layout.bytes, whole_lines(needed));
      EXPECT_EQ(layout.offsets, row);
      EXPECT_EQ(layout.factors, layout.offsets + 2 * neighbours);
      EXPECT_EQ(layout.units, layout.factors + neighbours);
      EXPECT_GE(layout.signs, layout.units + 8);
      EXPECT_LE(layout.signs + layout.blocks * layout.block_signs, layout.bytes);
      const std::size_t aligned = whole_lines(layout.units + 8);
      if (aligned + layout.blocks * layout.block_signs <= layout.bytes) {
        EXPECT_EQ(layout.signs % cache_line, 0U);
      }
      const std::vector<std::byte> bytes(layout.bytes);
      EXPECT_EQ(
          reinterpret_cast<const std::byte*>(layout.block(bytes.data(), 1).signs) - bytes.data(),
          static_cast<std::ptrdiff_t>(layout.signs + layout.block_signs));
    }
  EXPECT_EQ(FusedLayout(136, 100, 32).bytes, 640U);
  EXPECT_EQ(FusedLayout(392, 384, 32).bytes, 2048U);
  EXPECT_EQ(FusedLayout(392, 384, 32).signs, 512U);
}

/// Rows of very different lengths, so that units change, and equal ones, whose tails are zero.
TEST(Fused, TailsThatAreExtendedAreThoseThatAreWrittenAnew) {
  Fixture made(64, 400, 2);
  Storage& rows = made.rows;
  QueryBuffer buffer(rows);
  for (Slot slot = 0; slot < 400; ++slot) {
    auto values = test::random_floats(64, slot % 7 == 0 ? 1 : slot + 1);
    for (float& value : values)
      value *= slot % 7 == 0 ? 1.0F : std::exp2(static_cast<float>(slot % 11));
    rows.set(slot, values.data(),
             std::inner_product(values.begin(), values.end(), values.begin(), 0.0F), buffer);
  }
  Graph graph(degree);
  const auto nothing = [](std::size_t) {};
  std::size_t extended = 0;
  for (Slot first = 0; first < 400; first += 20) {
    std::vector<Slot> order(20);
    std::iota(order.begin(), order.end(), first);
    Builder builder(
        graph, rows,
        {.beam = 40, .geometry = {}, .fill = degree, .slack = 6, .seed = 0, .threads = 1});
    builder.insert(order, nothing);
    std::vector<ChangedRow> changed = builder.changed();
    for (const ChangedRow& row : changed) extended += row.kept != 0 ? 1U : 0U;
    changed.insert(changed.end(), order.begin(), order.end());
    made.fused.refresh(rows, graph, changed, 1);
    const std::vector<std::byte> bytes(rows.raw().view().begin(), rows.raw().view().end());
    const std::vector<ChangedRow> all = [&] {
      std::vector<ChangedRow> anew;
      for (Slot slot = 0; slot < first + 20; ++slot) anew.emplace_back(slot);
      return anew;
    }();
    made.fused.refresh(rows, graph, all, 1);
    ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), rows.raw().view().begin()));
  }
  EXPECT_GT(extended, 1000U);
}

TEST(Fused, WhatIsNotFiniteIsNotSound) {
  Fixture made(32, 50, 2);
  const FusedLayout& layout = *made.fused.view().layout;
  EXPECT_EQ(made.rows.stride(), layout.bytes);
  EXPECT_EQ(layout.bytes % 64, 0U);
  std::byte* row = made.rows.tail(3) - made.rows.row_bytes();
  EXPECT_TRUE(made.fused.sound(row));
  for (const std::size_t at : {layout.offsets, layout.units + 2, layout.units + 6}) {
    const auto before = row[at + 1];
    row[at + 1] |= std::byte{0x7F};
    row[at] |= std::byte{0x80};
    EXPECT_FALSE(made.fused.sound(row)) << at;
    row[at + 1] = before;
    EXPECT_TRUE(made.fused.sound(row));
  }
}

TEST(FusedWalk, FindsTheNearestOfFewAndIsOverOnce) {
  const Fixture made(32, 200, 2);
  const auto query = test::random_floats(32, 9);
  const QueryBuffer buffer(made.rows);
  const Query asked{query.data(), 0};
  const Scorer scorer = made.rows.scorer(asked, buffer);
  Scored best{1e30F, no_slot};
  for (Slot slot = 0; slot < 200; ++slot) best = std::min(best, Scored{scorer(slot), slot});
  const GraphView graph = made.graph.view();
  FusedWalk walk(made.rows);
  for (int again = 0; again < 2; ++again) {
    walk.begin(
        made.rows, made.fused.view(), graph, asked,
        {.k = 1, .beam = 100, .capacity = 120, .gamma = std::numeric_limits<float>::infinity()});
    while (walk.step(nullptr)) walk.fetch();
    EXPECT_FALSE(walk.step(nullptr));
    walk.choose_rest();
    walk.score_rest();
    EXPECT_EQ(*std::min_element(walk.found().begin(), walk.found().end()), best);
    EXPECT_EQ(walk.kth_score(), best.score);
  }
}

}  // namespace
}  // namespace vecinal
