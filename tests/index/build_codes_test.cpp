// Large insertions of float rows, whose walks read codes: the index is one of float rows all the
// same.
#include "index/build_codes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "graph/builder.hpp"
#include "support/data.hpp"
#include "vecinal/error.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

constexpr std::size_t dim = 64;
constexpr std::size_t many = 10'000;  ///< the least for which codes are made

Config config_of(Metric metric = Metric::l2) {
  return {.dim = dim, .metric = metric, .degree = 16, .build_beam = 40, .threads = 2};
}

std::unique_ptr<Rows> rows_of(const Config& config, std::size_t count) {
  auto rows = std::make_unique<Rows>(config, Model(config.dim));
  rows->resize(count);
  return rows;
}

TEST(BuildCodes, AreMadeWhereFloatRowsAreManyAndLongAndMostlyNew) {
  const std::unique_ptr<const Rows> made = rows_of(config_of(), 1);
  const Rows& rows = *made;
  EXPECT_EQ(build_code_bytes(rows, many, many), many * (8 + dim));
  EXPECT_EQ(build_code_bytes(rows, many - 1, many - 1), 0U);
  EXPECT_EQ(build_code_bytes(rows, 1000, 16'000), 16'000 * (8 + dim));
  EXPECT_EQ(build_code_bytes(rows, 999, 16'000), 0U);
  Config config = config_of();
  config.dim = 63;
  EXPECT_EQ(build_code_bytes(*rows_of(config, 1), many, many), 0U);
  for (const Encoding encoding : {Encoding::f16, Encoding::lvq8}) {
    config = config_of();
    config.encoding = encoding;
    EXPECT_EQ(build_code_bytes(*rows_of(config, 1), many, many), 0U);
  }
}

TEST(BuildCodes, ScoreAsTheRowsOfTheirSlots) {
  for (const Metric metric : {Metric::l2, Metric::cosine, Metric::inner_product}) {
    const Config config = config_of(metric);
    constexpr std::size_t count = 5000;
    const std::unique_ptr<Rows> made = rows_of(config, count);
    Rows& rows = *made;
    std::vector<Slot> odd;
    for (Slot slot = 1; slot < count; slot += 2) odd.push_back(slot);
    test::Rows vectors = test::clustered(odd.size(), dim, 1);
    for (float& value : vectors.values) value += 100;  // far from zero, where grids are coarse
    rows.encode(vectors.batch(), odd, 2);
    const auto codes = build_codes(config, rows, odd);
    ASSERT_EQ(codes->size(), count);
    const QueryBuffer buffer(rows.walked());
    const QueryBuffer code_buffer(codes->walked());
    double error = 0;
    double mean = 0;
    double spread = 0;
    for (const Slot slot : odd) {
      const float exact = rows.walked().scorer_of(1, buffer)(slot);
      const float coded = codes->walked().scorer_of(1, code_buffer)(slot);
      error += std::pow(static_cast<double>(coded) - exact, 2);
      mean += exact;
    }
    mean /= static_cast<double>(odd.size());
    for (const Slot slot : odd)
      spread += std::pow(static_cast<double>(rows.walked().scorer_of(1, buffer)(slot)) - mean, 2);
    EXPECT_LT(error, 1e-3 * spread) << name(metric);
    for (Slot slot = 0; slot < count; slot += 1000)
      EXPECT_EQ(codes->walked().bias(slot), 0.0F) << "an even slot has no row";
  }
}

/// Rows of which every tenth is there twice.
test::Rows with_twins(std::size_t count) {
  test::Rows rows = test::clustered(count, dim, 1, 200);
  for (std::size_t i = 10; i < count; i += 10)
    std::copy_n(rows.row(i - 5), dim, rows.values.begin() + static_cast<std::ptrdiff_t>(i * dim));
  return rows;
}

TEST(BuildCodes, TheSameBytesForAnyNumberOfThreadsAndDistancesOfTheRows) {
  const test::Rows rows = with_twins(many);
  std::vector<std::byte> bytes;
  for (const unsigned threads : {1U, 3U}) {
    Config config = config_of();
    config.threads = threads;
    const auto index = make_index(config);
    index->add(rows.batch());
    EXPECT_EQ(index->check(), std::vector<std::string>{});
    if (bytes.empty()) bytes = index->to_bytes();
    EXPECT_EQ(index->to_bytes(), bytes);
    const Neighbors twins = index->search(rows.part(20, 1), {.k = 2, .beam = 20});
    EXPECT_EQ(twins.distances[1], 0.0F);
    EXPECT_EQ(twins.ids[0] + twins.ids[1], 15 + 20);
  }
}

TEST(BuildCodes, FindWhatWalksOverTheRowsFind) {
  for (const Metric metric : {Metric::l2, Metric::cosine, Metric::inner_product}) {
    test::Rows rows = test::clustered(many, dim, 1, 200);
    test::Rows queries = test::clustered(100, dim, 2, 200);
    if (metric == Metric::l2)
      for (test::Rows* set : {&rows, &queries})
        for (float& value : set->values) value += 1000;
    Config config = config_of(metric);
    const auto coded = make_index(config);
    coded->add(rows.batch());
    // There is no room for codes, and so nothing of them is in the graph.
    config.memory_limit = many * (4 * dim + 4 * config.degree + dim);
    const auto plain = make_index(config);
    plain->add(rows.batch());
    EXPECT_FALSE(plain->to_bytes() == coded->to_bytes());
    const double with = test::recall(*coded, rows, queries, {.k = 10, .beam = 40});
    const double without = test::recall(*plain, rows, queries, {.k = 10, .beam = 40});
    EXPECT_NEAR(with, without, .01) << name(metric);
    EXPECT_GT(with, metric == Metric::inner_product ? .8 : .95) << name(metric);
  }
}

/// Codes of four bits mistake one neighbour for another: a node is linked to its nearest one only
/// if the rows have a say.
TEST(BuildCodes, LeaveTheChoiceOfLinksToTheRows) {
  constexpr std::size_t count = 1500;
  const auto filled = [](const RowFormat& format) {
    auto rows = std::make_unique<Storage>(format);
    rows->resize(count);
    QueryBuffer buffer(*rows);
    const test::Rows vectors = test::clustered(count, dim, 3, 1);
    for (Slot slot = 0; slot < count; ++slot) {
      AlignedFloats row(rows->padded_dim());
      std::copy_n(vectors.row(slot), dim, row.data());
      const float norm = std::inner_product(row.data(), row.data() + dim, row.data(), 0.0F);
      EXPECT_TRUE(rows->set(slot, row.data(), norm, buffer).in_range);
    }
    return rows;
  };
  const auto rows = filled({.type = kernels::RowType::f32, .op = kernels::Op::l2, .dim = dim});
  const auto codes = filled({.type = kernels::RowType::lvq4, .dim = dim, .weight = -2});
  Graph graph(16);
  std::vector<Slot> order(count);
  std::iota(order.begin(), order.end(), Slot{0});
  Builder(graph, *rows, {.beam = 60, .geometry = {}, .threads = 1, .codes = codes.get()})
      .insert(order, [](std::size_t) {});
  std::size_t linked = 0;
  const QueryBuffer buffer(*rows);
  for (Slot slot = 0; slot < count; ++slot) {
    const Scorer scorer = rows->scorer_of(slot, buffer);
    Scored nearest;
    for (Slot other = 0; other < count; ++other)
      if (const Scored scored{scorer(other), other};
          other != slot && (nearest.slot == no_slot || scored < nearest))
        nearest = scored;
    const auto links = graph.layer(0).row(slot);
    linked += std::find(links.begin(), links.end(), nearest.slot) != links.end() ? 1 : 0;
  }
  EXPECT_GT(linked, count * 7 / 10);  // by the codes: six tenths
}

TEST(BuildCodes, GoOnFromAnIndexWithRemovedItems) {
  const test::Rows rows = test::clustered(many + 2000, dim, 1, 200);
  const auto index = make_index(config_of());
  index->add(rows.part(0, 2000));
  std::vector<Id> gone;
  for (Id id = 0; id < 2000; id += 3) gone.push_back(id);
  index->remove(gone);
  index->add(rows.part(2000, many));
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(index->size(), many + 2000 - gone.size());
  const Neighbors hits = index->search(rows.part(1, 1), {.k = 1, .beam = 40});
  EXPECT_EQ(hits.ids[0], 1);
}

}  // namespace
}  // namespace vecinal
