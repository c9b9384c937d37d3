#include "benchmark.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "random_vectors.hpp"

namespace vecinal::cli {
namespace {

Neighbors found_ids(std::size_t k, std::vector<Id> ids) {
  Neighbors found;
  found.queries = ids.size() / k;
  found.k = k;
  found.ids = std::move(ids);
  return found;
}

TEST(Recall, CountsIdsAmongTheFirstKOfTheTruth) {
  const IdMatrix truth{2, 3, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(recall_at(found_ids(2, {2, 1, 4, 5}), truth.view(), 2), 1.0);
  EXPECT_EQ(recall_at(found_ids(2, {1, 3, 6, 9}), truth.view(), 2), 0.25);
  EXPECT_EQ(recall_at(found_ids(2, {7, 8, 9, 10}), truth.view(), 2), 0.0);
}

TEST(Recall, OnlyTheFirstKFoundCount) {
  const IdMatrix truth{1, 1, {1}};
  EXPECT_EQ(recall_at(found_ids(2, {9, 1}), truth.view(), 1), 0.0);
}

TEST(Recall, PaddingOfTheTruthDoesNotCount) {
  const IdMatrix truth{1, 3, {1, 2, no_id}};
  EXPECT_EQ(recall_at(found_ids(3, {1, 2, no_id}), truth.view(), 3), 1.0);
  EXPECT_EQ(recall_at(found_ids(3, {1, no_id, no_id}), truth.view(), 3), 0.5);
}

TEST(Recall, ATruthOfAnotherShapeIsRefused) {
  const IdMatrix truth{1, 2, {1, 2}};
  EXPECT_THROW(static_cast<void>(recall_at(found_ids(3, {1, 2, 3}), truth.view(), 3)),
               std::invalid_argument);
  EXPECT_THROW(static_cast<void>(recall_at(found_ids(1, {1, 2}), truth.view(), 1)),
               std::invalid_argument);
}

BeamResult measured(double recall, double qps) {
  return {.beam = 0, .recall = recall, .qps = qps, .distances = 0, .hops = 0};
}

TEST(SpeedAtRecall, IsInterpolatedOnALogScale) {
  const std::vector<BeamResult> results = {measured(0.8, 10'000), measured(1.0, 100)};
  EXPECT_NEAR(qps_at(results, 0.9).value(), 1'000, 1e-6);
  EXPECT_NEAR(qps_at(results, 1.0).value(), 100, 1e-9);
}

TEST(SpeedAtRecall, IsNothingWhereNoResultReachesIt) {
  const std::vector<BeamResult> results = {measured(0.8, 10'000), measured(0.9, 100)};
  EXPECT_FALSE(qps_at(results, 0.95).has_value());
  EXPECT_FALSE(qps_at({}, 0.95).has_value());
}

TEST(SpeedAtRecall, IsTheFastestWhereAllReachIt) {
  const std::vector<BeamResult> results = {measured(0.95, 10'000), measured(0.99, 100)};
  EXPECT_EQ(qps_at(results, 0.9).value(), 10'000);
}

TEST(SpeedAtRecall, BeatenResultsDoNotCount) {
  const std::vector<BeamResult> results = {measured(0.8, 10'000), measured(0.85, 50),
                                           measured(0.85, 40), measured(1.0, 100)};
  EXPECT_NEAR(qps_at(results, 0.9).value(), 1'000, 1e-6);
  EXPECT_NEAR(qps_at(results, 0.85).value(), std::pow(10, 3.5), 1e-6);
}

TEST(ExactTruth, OfTheBaseItselfIsTheIdentity) {
  const FloatMatrix base = random_vectors(50, 8, 1);
  const IdMatrix truth = exact_truth(base, base, Metric::l2, 3);
  ASSERT_EQ(truth.rows, 50U);
  ASSERT_EQ(truth.columns, 3U);
  for (std::size_t row = 0; row < 50; ++row) EXPECT_EQ(truth.row(row)[0], static_cast<Id>(row));
}

class SweepTest : public ::testing::Test {
 protected:
  std::unique_ptr<Index> index(GraphKind graph) {
    Config config;
    config.dim = 8;
    config.graph = graph;
    auto made = make_index(config);
    made->add(batch_of(base_));
    return made;
  }

  FloatMatrix base_ = random_vectors(300, 8, 1);
  FloatMatrix queries_ = random_vectors(20, 8, 2);
  IdMatrix truth_ = exact_truth(base_, queries_, Metric::l2, 10);
};

TEST_F(SweepTest, BeamsAreRaisedToKSortedAndMeasuredOnce) {
  const auto results = sweep(*index(GraphKind::hnsw), queries_, truth_.view(),
                             {.k = 10, .beams = {40, 5, 8, 20}, .repeats = 2, .threads = 1});
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].beam, 10U);
  EXPECT_EQ(results[1].beam, 20U);
  EXPECT_EQ(results[2].beam, 40U);
  for (const BeamResult& result : results) {
    EXPECT_GT(result.qps, 0);
    EXPECT_GT(result.distances, 0);
    EXPECT_GE(result.recall, 0);
    EXPECT_LE(result.recall, 1);
  }
}

TEST_F(SweepTest, WithoutAGraphThereIsOneExactResult) {
  const auto results = sweep(*index(GraphKind::none), queries_, truth_.view(),
                             {.k = 10, .beams = {10, 20}, .repeats = 1, .threads = 1});
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].recall, 1.0);
}

TEST_F(SweepTest, CandidatesToRerankAreCounted) {
  const auto codes = make_index({.dim = 8, .encoding = Encoding::lvq4x8});
  codes->add(batch_of(base_));
  const SweepOptions options{.k = 10, .beams = {20, 40}, .rerank = 30, .repeats = 1, .threads = 1};
  const auto results = sweep(*codes, queries_, truth_.view(), options);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].reranked, 30.0);
  EXPECT_EQ(results[1].reranked, 40.0) << "raised to the beam";
  SweepOptions reduced = options;
  reduced.reduced_dim = 4;
  EXPECT_THROW(static_cast<void>(sweep(*codes, queries_, truth_.view(), reduced)),
               std::invalid_argument)
      << "there is no reduction";
}

TEST_F(SweepTest, NoBeamsOrNoRepeatsAreRefused) {
  const auto flat = index(GraphKind::none);
  EXPECT_THROW(static_cast<void>(
                   sweep(*flat, queries_, truth_.view(), {.k = 10, .beams = {}, .repeats = 1})),
               std::invalid_argument);
  EXPECT_THROW(static_cast<void>(
                   sweep(*flat, queries_, truth_.view(), {.k = 10, .beams = {9}, .repeats = 0})),
               std::invalid_argument);
}

}  // namespace
}  // namespace vecinal::cli
