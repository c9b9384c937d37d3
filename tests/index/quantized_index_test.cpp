// What only trained indexes do: learning, drift, learning again, two kinds of rows.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::clustered;
using test::Rows;

/// The same rows moved by `shift` and stretched by `factor`.
Rows moved(Rows rows, float factor, float shift) {
  for (float& value : rows.values) value = value * factor + shift;
  return rows;
}

TEST(QuantizedIndex, TrainingComesFirstOrWithTheFirstRows) {
  const Rows rows = clustered(500, 24, 1);
  const auto given = make_index({.dim = 24, .encoding = Encoding::lvq8});
  EXPECT_FALSE(given->stats().trained);
  EXPECT_EQ(given->search(rows.part(0, 2)).counts[0], 0U);
  given->train(rows.batch());
  EXPECT_TRUE(given->stats().trained);
  given->add(rows.batch());
  const auto implied = make_index({.dim = 24, .encoding = Encoding::lvq8});
  implied->add(rows.batch());
  EXPECT_EQ(given->to_bytes(), implied->to_bytes());
  EXPECT_THROW(given->train(rows.batch()), std::invalid_argument);
}

TEST(QuantizedIndex, UntrainedAndTrainedEmptyIndexesSurviveFiles) {
  const auto index =
      make_index({.dim = 8, .encoding = Encoding::lvq4x8, .reduction = Reduction::pca});
  EXPECT_FALSE(load_index(index->to_bytes())->stats().trained);
  index->train(clustered(100, 8, 1).batch());
  const auto loaded = load_index(index->to_bytes());
  EXPECT_TRUE(loaded->stats().trained);
  loaded->add(clustered(50, 8, 2).batch());
  index->add(clustered(50, 8, 2).batch());
  EXPECT_EQ(loaded->to_bytes(), index->to_bytes());
}

TEST(QuantizedIndex, AFailedFirstAddLeavesItUntrained) {
  Rows rows = clustered(300, 8, 1);
  rows.values[250 * 8] = std::numeric_limits<float>::quiet_NaN();
  const auto index = make_index({.dim = 8, .encoding = Encoding::lvq8});
  EXPECT_THROW(index->add(rows.batch()), std::invalid_argument);
  EXPECT_FALSE(index->stats().trained);
  index->add(rows.part(0, 100));
  EXPECT_EQ(index->size(), 100U);
}

TEST(QuantizedIndex, WrongTrainingIsNamed) {
  const Rows rows = clustered(10, 16, 1);
  const Config reduced{
      .dim = 16, .encoding = Encoding::lvq8, .reduction = Reduction::pca, .reduced_dim = 12};
  EXPECT_THROW(make_index(reduced)->train(rows.batch()), std::invalid_argument);
  EXPECT_THROW(make_index(reduced)->add(rows.batch()), std::invalid_argument);
  EXPECT_THROW(make_index(reduced)->train({}), std::invalid_argument);
  const Config ood{.dim = 16, .encoding = Encoding::lvq8, .reduction = Reduction::leanvec_ood};
  EXPECT_THROW(make_index(ood)->add(rows.batch()), NotTrained);
  EXPECT_THROW(make_index(ood)->train(rows.batch(), clustered(5, 15, 2).batch()),
               std::invalid_argument);
  EXPECT_THROW(make_index(ood)->retrain(), NotTrained);
  for (const Config& wrong :
       {Config{.dim = 8, .encoding = Encoding::lvq4x8, .keep = Keep::f32},
        Config{.dim = 8, .encoding = Encoding::f32, .quantizer = Quantizer::rotated},
        Config{.dim = 8, .reduced_dim = 4},
        Config{.dim = 8, .reduction = Reduction::pca, .reduced_dim = 9},
        Config{.dim = 8, .metric = Metric::l2, .reduction = Reduction::leanvec_ood},
        Config{.dim = 8193, .encoding = Encoding::lvq8, .reduction = Reduction::pca}})
    EXPECT_THROW((void)make_index(wrong), std::invalid_argument);
}

TEST(QuantizedIndex, EqualVectorsAndOutliersHarmNobody) {
  for (const Encoding encoding : {Encoding::lvq8, Encoding::lvq4x8}) {
    const Rows equal{200, 8, std::vector<float>(1600, 3.0F)};
    const auto index = make_index({.dim = 8, .encoding = encoding});
    index->add(equal.batch());
    EXPECT_EQ(index->search(equal.part(0, 1), {.k = 200}).counts[0], 200U);

    Rows rows = clustered(2000, 8, 3);
    for (std::size_t d = 0; d < 8; ++d) rows.values[d] = 1e18F;
    const auto beside = make_index({.dim = 8, .encoding = encoding});
    beside->add(rows.batch());
    const Rows queries = clustered(50, 8, 4);
    EXPECT_GE(test::recall(*beside, rows, queries, {.k = 10, .beam = 100}), .9);
    EXPECT_EQ(beside->search(rows.part(0, 1), {.k = 1}).ids[0], 0);
    rows.values[0] = 1e30F;
    EXPECT_THROW(beside->add(rows.part(0, 1)), std::invalid_argument);
    EXPECT_EQ(load_index(beside->to_bytes())->size(), 2000U);
  }
}

TEST(QuantizedIndex, VectorsOfAnySizeAreReduced) {
  for (const float size : {1e-20F, 1.0F, 3e17F}) {
    const Rows rows = moved(clustered(1000, 32, 16), size, 0);
    const Rows queries = moved(clustered(40, 32, 17), size, 0);
    const auto index = make_index(
        {.dim = 32, .encoding = Encoding::lvq8, .reduction = Reduction::pca, .reduced_dim = 24});
    index->add(rows.batch());
    EXPECT_GE(test::recall(*index, rows, queries, {.k = 10, .beam = 100}), .9) << size;
  }
}

TEST(QuantizedIndex, DriftShowsInStatsAndRetrainingCuresIt) {
  const Rows first = clustered(500, 32, 5);
  const Rows later = moved(clustered(1500, 32, 6), 1.0F, 40.0F);
  const auto index = make_index(
      {.dim = 32, .encoding = Encoding::lvq8, .reduction = Reduction::pca, .reduced_dim = 16});
  index->add(first.batch());
  const Stats before = index->stats();
  EXPECT_NEAR(before.added_error, before.trained_error, 0.3 * before.trained_error);
  index->add(later.batch());
  EXPECT_GT(index->stats().added_error, 1.5 * before.trained_error);
  const auto ids = index->ids();
  const double mean_degree = index->stats().mean_degree;
  index->retrain();
  EXPECT_EQ(index->ids(), ids);
  EXPECT_EQ(index->stats().mean_degree, mean_degree) << "the graph stays";
  EXPECT_EQ(index->stats().added_error, 0);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  Rows all = first;
  all.count += later.count;
  all.values.insert(all.values.end(), later.values.begin(), later.values.end());
  EXPECT_GE(test::recall(*index, all, moved(clustered(50, 32, 7), 1.0F, 40.0F),
                         {.k = 10, .beam = 200, .rerank = 200}),
            .9);
}

TEST(QuantizedIndex, ACancelledRetrainingChangesNothing) {
  const auto index =
      make_index({.dim = 16, .encoding = Encoding::lvq4x4, .graph = GraphKind::none});
  index->add(clustered(150'000, 16, 8).batch());  // 50 ms pass between reports
  const auto bytes = index->to_bytes();
  EXPECT_THROW(index->retrain({}, [](auto, auto) { return false; }), Cancelled);
  EXPECT_EQ(index->to_bytes(), bytes);
}

TEST(QuantizedIndex, MoreCandidatesRerankedFindMore) {
  const Rows rows = clustered(4000, 64, 9, 8);
  const Rows queries = clustered(100, 64, 10, 8);
  const auto index = make_index(
      {.dim = 64, .encoding = Encoding::lvq4x8, .reduction = Reduction::pca, .reduced_dim = 32});
  index->add(rows.batch());
  const SearchParams narrow{.k = 10, .beam = 20};
  SearchParams wide = narrow;
  wide.rerank = 200;
  EXPECT_GT(test::recall(*index, rows, queries, wide), test::recall(*index, rows, queries, narrow));
  EXPECT_EQ(index->search(queries.batch(), narrow).stats.reranked, 20U * 100U);
  EXPECT_EQ(index->search(queries.batch(), wide).stats.reranked, 200U * 100U);
  index->set_defaults({.rerank = 200});
  EXPECT_EQ(index->search(queries.batch(), narrow).stats.reranked, 200U * 100U);
  EXPECT_THROW(index->set_defaults({.rerank = 1'000'001}), std::invalid_argument);
  EXPECT_THROW(index->set_defaults({.beam = 0}), std::invalid_argument);
  EXPECT_THROW(index->set_defaults({.candidates = 5}), std::invalid_argument);
}

TEST(QuantizedIndex, TuneFindsBeamAndRerank) {
  const Rows rows = clustered(5000, 64, 11, 8);
  const Rows queries = clustered(200, 64, 12, 8);
  const auto index = make_index(
      {.dim = 64, .encoding = Encoding::lvq4x8, .reduction = Reduction::pca, .reduced_dim = 32});
  index->add(rows.batch());
  const Tuned tuned = tune(*index, queries.batch(), 0.9);
  EXPECT_GE(tuned.recall, 0.9);
  EXPECT_GE(tuned.defaults.rerank, tuned.defaults.beam);
  EXPECT_EQ(index->defaults().beam, tuned.defaults.beam);
  EXPECT_EQ(index->defaults().rerank, tuned.defaults.rerank);
  const auto loaded = load_index(index->to_bytes());
  EXPECT_EQ(loaded->defaults().rerank, tuned.defaults.rerank);
}

TEST(QuantizedIndex, FewerReducedDimsMayBeWalked) {
  const Rows rows = clustered(3000, 128, 13);
  const Rows queries = clustered(50, 128, 14);
  for (const Reduction reduction : {Reduction::pca, Reduction::prefix}) {
    const auto index = make_index(
        {.dim = 128, .encoding = Encoding::lvq8x8, .reduction = reduction, .reduced_dim = 96});
    index->add(rows.batch());
    const SearchParams params{.k = 10, .beam = 100, .rerank = 300, .reduced_dim = 64};
    EXPECT_GE(test::recall(*index, rows, queries, params), .8);
    EXPECT_THROW((void)index->search(queries.batch(), {.reduced_dim = 97}), std::invalid_argument);
  }
  const auto plain = make_index({.dim = 128, .encoding = Encoding::lvq8});
  plain->add(rows.batch());
  EXPECT_THROW((void)plain->search(queries.batch(), {.reduced_dim = 64}), std::invalid_argument);
}

TEST(QuantizedIndex, StoredRowsComeBackNearly) {
  const Rows rows = clustered(1000, 40, 15);
  struct Precision {
    Encoding encoding;
    Reduction reduction;
    Keep keep;
    double relative;
  };
  // Two levels leave one part in 15 * 255 or 255 * 255 of the range; f32 is kept as it is.
  for (const auto& [encoding, reduction, keep, relative] :
       {Precision{Encoding::lvq8, Reduction::none, Keep::none, 1e-2},
        Precision{Encoding::lvq8x8, Reduction::none, Keep::none, 1e-4},
        Precision{Encoding::lvq4x8, Reduction::none, Keep::none, 2e-3},
        Precision{Encoding::lvq4x8, Reduction::pca, Keep::none, 1e-2},
        Precision{Encoding::lvq4, Reduction::none, Keep::f32, 0.0},
        Precision{Encoding::f32, Reduction::prefix, Keep::none, 0.0}}) {
    const auto index =
        make_index({.dim = 40, .encoding = encoding, .reduction = reduction, .keep = keep});
    index->add(rows.batch());
    std::vector<float> row(40);
    index->get(77, row);
    const double distance = test::distance(Metric::l2, row.data(), rows.row(77), 40);
    const std::vector<float> zero(40, 0.0F);
    const double norm = test::distance(Metric::l2, zero.data(), rows.row(77), 40);
    EXPECT_LE(std::sqrt(distance / norm), relative);
  }
}

}  // namespace
}  // namespace vecinal
