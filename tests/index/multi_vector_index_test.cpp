#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <numeric>
#include <string>
#include <thread>

#include "support/sets.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::best_documents;
using test::queries_near;
using test::random_sets;
using test::Sets;
using test::small_config;

TEST(MultiVectorIndex, ExactSearchIsTheChamferSimilarity) {
  const Sets documents = random_sets(120, 20, 1);
  const Sets queries = queries_near(documents, 15, 2, 1.0F);
  for (const Encoding tokens : {Encoding::f32, Encoding::f16, Encoding::lvq8, Encoding::lvq8x8}) {
    Config config = small_config(20);
    config.tokens = tokens;
    const auto index = make_index(config);
    index->add(documents.batch());
    const Neighbors hits = index->search(queries.batch(), {.k = 5, .exact = true});
    const double tolerance = tokens == Encoding::f32    ? 1e-4
                             : tokens == Encoding::f16  ? 0.01
                             : tokens == Encoding::lvq8 ? 0.1
                                                        : 2e-3;
    for (std::size_t q = 0; q < queries.count(); ++q) {
      const auto best = best_documents(queries, q, documents, 5);
      for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_NEAR(hits.distances_of(q)[i], -best[i].first, tolerance);
        if (tokens == Encoding::f32 || tokens == Encoding::lvq8x8) {
          EXPECT_EQ(hits.ids_of(q)[i], static_cast<Id>(best[i].second));
        }
      }
    }
    EXPECT_EQ(hits.stats.exact, queries.count());
    // Of two levels the first one leaves few for the second.
    if (tokens == Encoding::lvq8x8) {
      EXPECT_EQ(hits.stats.distances, queries.count() * documents.count());
      EXPECT_LT(hits.stats.reranked, hits.stats.distances / 2);
    } else {
      EXPECT_EQ(hits.stats.reranked, queries.count() * documents.count());
    }
  }
}

/// Share of the k best documents by Chamfer similarity that a search finds.
double recall(const Index& index, const Sets& documents, const Sets& queries,
              const SearchParams& params) {
  const Neighbors hits = index.search(queries.batch(), params);
  double found = 0;
  for (std::size_t q = 0; q < queries.count(); ++q)
    for (const auto& [similarity, id] : best_documents(queries, q, documents, params.k))
      found += std::count(hits.ids_of(q).begin(), hits.ids_of(q).end(), static_cast<Id>(id)) != 0;
  return found / static_cast<double>(queries.count() * params.k);
}

TEST(MultiVectorIndex, FewCandidatesFindTheBestInEveryEncoding) {
  const Sets documents = random_sets(600, 32, 3, 0.5F);
  const Sets queries = queries_near(documents, 40, 4, 0.7F);
  // The encodings' own limit comes first; codes and graph may take little of it.
  double limit = 0;
  for (const Encoding encoding : {Encoding::f32, Encoding::f16, Encoding::lvq4x8, Encoding::lvq4})
    for (const GraphKind graph : {GraphKind::none, GraphKind::hnsw}) {
      Config config = small_config(32);
      config.fde.repetitions = 20;
      config.encoding = encoding;
      config.graph = graph;
      const auto index = make_index(config);
      index->add(documents.batch());
      const double found =
          recall(*index, documents, queries, {.k = 1, .beam = 150, .candidates = 60});
      if (limit == 0) limit = found;
      EXPECT_GE(found, limit - 0.03) << name(encoding);
      EXPECT_EQ(index->check(), std::vector<std::string>{});
    }
  EXPECT_GE(limit, 0.95);
}

TEST(MultiVectorIndex, ReducedEncodings) {
  const Sets documents = random_sets(600, 32, 5);
  const Sets queries = queries_near(documents, 40, 6, 0.5F);
  for (const Reduction reduction : {Reduction::pca, Reduction::leanvec_ood}) {
    Config config = small_config(32);
    config.reduction = reduction;
    config.reduced_dim = 96;
    config.fde.final_dim = 256;
    const auto index = make_index(config);
    index->train(documents.batch(), queries.batch());
    index->add(documents.batch());
    EXPECT_EQ(index->stats().reduced_dim, 96U);
    EXPECT_GE(recall(*index, documents, queries, {.k = 1, .candidates = 100}), 0.9);
  }
}

TEST(MultiVectorIndex, AddsRemovesAndFilters) {
  const Sets documents = random_sets(80, 16, 7);
  const auto index = make_index(small_config(16));
  std::vector<Id> ids(80);
  std::iota(ids.begin(), ids.end(), 1000);
  EXPECT_EQ(index->add(documents.batch(), ids), ids);
  EXPECT_EQ(index->size(), 80U);
  EXPECT_EQ(index->vectors_of(1003), documents.size(3));
  EXPECT_EQ(index->remove(std::array<Id, 3>{1003, 1003, 5}), 1U);
  EXPECT_FALSE(index->contains(1003));
  EXPECT_THROW((void)index->vectors_of(1003), std::out_of_range);
  const Sets third = [&] {
    Sets sets{16};
    sets.add({documents.vector(documents.offsets[3]), documents.vector(documents.offsets[4])});
    return sets;
  }();
  for (const bool exact : {false, true}) {
    const Neighbors hits = index->search(third.batch(), {.k = 79, .exact = exact});
    EXPECT_EQ(hits.counts[0], 79U);
    EXPECT_EQ(std::count(hits.ids.begin(), hits.ids.end(), 1003), 0);
  }
  EXPECT_EQ(index->add(third.batch()), (std::vector<Id>{1080}));
  const Neighbors again = index->search(third.batch(), {.k = 1});
  EXPECT_EQ(again.ids[0], 1080);
  const std::array<Id, 3> allowed{1010, 1020, 1003};
  for (const bool exact : {false, true}) {
    const Neighbors listed =
        index->search(third.batch(), {.k = 5, .filter = Filter::ids(allowed), .exact = exact});
    EXPECT_EQ(listed.counts[0], 2U);
    EXPECT_EQ(listed.ids[2], no_id);
    std::size_t asked = 0;
    const Neighbors even = index->search(third.batch(), {.k = 50,
                                                         .filter = Filter::predicate([&](Id id) {
                                                           ++asked;
                                                           return id % 2 == 0;
                                                         }),
                                                         .exact = exact});
    EXPECT_EQ(asked, 80U);
    EXPECT_EQ(even.counts[0], 41U);
    for (std::size_t i = 0; i < 41; ++i) EXPECT_EQ(even.ids[i] % 2, 0);
  }
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

TEST(MultiVectorIndex, GetGivesTheVectorsBack) {
  const Sets documents = random_sets(10, 12, 8, 1.0F);
  for (const Encoding tokens : {Encoding::f32, Encoding::f16, Encoding::lvq8, Encoding::lvq8x8}) {
    Config config = small_config(12);
    config.tokens = tokens;
    const auto index = make_index(config);
    index->add(documents.batch());
    for (std::size_t i = 0; i < 10; ++i) {
      std::vector<float> out(index->vectors_of(static_cast<Id>(i)) * 12);
      index->get(static_cast<Id>(i), out);
      ASSERT_EQ(out.size(), documents.size(i) * 12);
      for (std::size_t d = 0; d < out.size(); ++d)
        EXPECT_NEAR(out[d], documents.vector(documents.offsets[i])[d], 4e-3);
    }
    std::vector<float> wrong(5);
    EXPECT_THROW(index->get(0, wrong), std::invalid_argument);
    EXPECT_THROW(index->get(99, wrong), std::out_of_range);
  }
}

TEST(MultiVectorIndex, RerankRanksGivenCandidates) {
  const Sets documents = random_sets(50, 16, 9);
  const Sets queries = queries_near(documents, 3, 10, 1.0F);
  Config config = small_config(16);
  config.tokens = Encoding::f32;
  const auto index = make_index(config);
  index->add(documents.batch());
  // Repeated, absent and missing ones count for nothing.
  const std::vector<Id> candidates = {4, 9, 30, 9, -1, 7, 7, 7, 7, 7, 999, 1, 2, -1, 3};
  const Neighbors hits = index->rerank(queries.batch(), candidates, {.k = 4});
  EXPECT_EQ(hits.counts, (std::vector<std::uint32_t>{3, 1, 3}));
  for (std::size_t q = 0; q < 3; ++q)
    for (std::size_t i = 0; i < hits.counts[q]; ++i) {
      EXPECT_NEAR(
          hits.distances_of(q)[i],
          -test::chamfer(queries, q, documents, static_cast<std::size_t>(hits.ids_of(q)[i])), 1e-4);
      EXPECT_GE(hits.distances_of(q)[i], hits.distances_of(q)[i == 0 ? 0 : i - 1]);
    }
  EXPECT_THROW((void)index->rerank(queries.batch(), std::vector<Id>{1, 2}, {.k = 1}),
               std::invalid_argument);
}

TEST(MultiVectorIndex, ReadsBackWhatItSaved) {
  const Sets documents = random_sets(90, 16, 11, 1.0F);
  const Sets queries = queries_near(documents, 8, 12, 1.0F);
  Config config = small_config(16);
  config.encoding = Encoding::lvq4x8;
  config.pooling = 2;
  const auto index = make_index(config);
  index->add(documents.batch());
  index->remove(std::array<Id, 2>{3, 50});
  index->set_defaults({.beam = 33, .rerank = 44, .candidates = 55});
  const std::vector<std::byte> bytes = index->to_bytes();
  const auto loaded = load_index(bytes);
  EXPECT_EQ(loaded->check(), std::vector<std::string>{});
  EXPECT_EQ(loaded->to_bytes(), bytes);
  EXPECT_EQ(loaded->config().metric, Metric::chamfer);
  EXPECT_EQ(loaded->config().dim, 16U);
  EXPECT_EQ(loaded->config().fde.repetitions, 10U);
  EXPECT_EQ(loaded->config().pooling, 2U);
  EXPECT_EQ(loaded->defaults().candidates, 55U);
  EXPECT_EQ(loaded->defaults().beam, 33U);
  const Stats stats = loaded->stats();
  EXPECT_EQ(stats.vectors, index->stats().vectors);
  EXPECT_GT(stats.mean_cosine, 0.3);
  EXPECT_GT(stats.occupancy, 0.8);
  for (const bool exact : {false, true}) {
    const SearchParams params{.k = 5, .exact = exact};
    const Neighbors a = index->search(queries.batch(), params);
    const Neighbors b = loaded->search(queries.batch(), params);
    EXPECT_EQ(a.ids, b.ids);
    EXPECT_EQ(a.distances, b.distances);
  }
  // And goes on from there.
  loaded->add(documents.batch());
  EXPECT_EQ(loaded->size(), 88U + 90U);
  EXPECT_EQ(loaded->check(), std::vector<std::string>{});
}

TEST(MultiVectorIndex, TheSameBytesForAnyNumberOfThreads) {
  constexpr std::size_t dim = 40;  // of more columns than training sums up at a time
  const Sets documents = random_sets(150, dim, 13);
  std::vector<std::byte> first;
  for (const unsigned threads : {1U, 2U, 5U}) {
    Config config = small_config(dim);
    config.threads = threads;
    const auto index = make_index(config);
    index->add(documents.batch());
    const auto bytes = index->to_bytes();
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first);
  }
}

TEST(MultiVectorIndex, OneVectorASetWithoutOffsets) {
  const Sets documents = random_sets(10, 8, 17);
  Batch rows = documents.batch();
  rows.offsets = {};
  const auto index = make_index(small_config(8));
  index->add(rows);
  EXPECT_EQ(index->size(), documents.offsets.back());
  const Neighbors hits = index->search(rows, {.k = 1});
  for (std::size_t i = 0; i < hits.queries; ++i) EXPECT_EQ(hits.ids[i], static_cast<Id>(i));
}

TEST(MultiVectorIndex, OneSetOfVeryManyVectors) {
  Sets sets{4};
  sets.add(test::unit_vectors(100'000, 4, 18));
  sets.add(test::unit_vectors(1, 4, 19));
  Config config = small_config(4);
  config.fde.projected_dim = 4;
  const auto index = make_index(config);
  index->add(sets.batch());
  EXPECT_EQ(index->vectors_of(0), 100'000U);
  const Sets query = random_sets(1, 4, 20);
  EXPECT_EQ(index->search(query.batch(), {.k = 2}).counts, (std::vector<std::uint32_t>{2}));
}

TEST(MultiVectorIndex, WarnsOfVectorsThatShareACell) {
  // Two points: about their mean, every plane parts them, and no cell but two is used.
  Sets sets{8};
  for (int i = 0; i < 10; ++i) sets.add({1, 2, 3, 4, 5, 6, 7, 8, 2, 1, 4, 3, 6, 5, 8, 7});
  Config config = small_config(8);
  std::string told;
  config.warn = [&](std::string_view text) { told = text; };
  const auto index = make_index(config);
  index->add(sets.batch());
  EXPECT_NE(told.find("entropy"), std::string::npos);
  EXPECT_LT(index->stats().occupancy, 0.4);
  EXPECT_GT(index->stats().mean_cosine, 0.9);
}

TEST(MultiVectorIndex, TuneFindsCandidates) {
  const Sets documents = random_sets(400, 16, 20);
  const Sets queries = queries_near(documents, 30, 21, 1.0F);
  const auto index = make_index(small_config(16));
  index->add(documents.batch());
  const Tuned tuned = tune(*index, queries.batch(), 0.9, 5);
  EXPECT_GE(tuned.recall, 0.9);
  EXPECT_EQ(index->defaults().candidates, tuned.defaults.candidates);
  EXPECT_GE(recall(*index, documents, queries, {.k = 5}), 0.85);
}

TEST(MultiVectorIndex, RetrainKeepsTheAnswers) {
  const Sets documents = random_sets(200, 16, 22);
  const Sets queries = queries_near(documents, 10, 23, 0.5F);
  const auto index = make_index(small_config(16));
  index->add(documents.batch());
  index->retrain();
  EXPECT_GE(recall(*index, documents, queries, {.k = 1, .candidates = 100}), 0.9);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

TEST(MultiVectorIndex, CancelledAddsLeaveNothing) {
  const Sets documents = random_sets(3000, 16, 24);
  const auto index = make_index(small_config(16));
  EXPECT_THROW(index->add(documents.batch(), {}, [](std::size_t, std::size_t) { return false; }),
               Cancelled);
  EXPECT_EQ(index->size(), 0U);
  EXPECT_EQ(index->stats().vectors, 0U);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

TEST(MultiVectorIndex, SearchesRunBesideAddsAndRemoves) {
  const Sets documents = random_sets(60, 16, 25);
  const Sets queries = queries_near(documents, 4, 26, 1.0F);
  const auto index = make_index(small_config(16));
  std::atomic<bool> stop{false};
  std::jthread reader([&] {
    while (!stop) {
      const Neighbors hits = index->search(queries.batch(), {.k = 3, .threads = 1});
      for (std::size_t i = 0; i < hits.ids.size(); ++i)
        EXPECT_EQ(hits.ids[i] == no_id, std::isinf(hits.distances[i]));
      (void)index->stats();
    }
  });
  for (int round = 0; round < 5; ++round) {
    const std::vector<Id> ids = index->add(documents.batch());
    index->remove(std::span(ids).first(30));
  }
  stop = true;
  reader.join();
  EXPECT_EQ(index->size(), 150U);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

}  // namespace
}  // namespace vecinal
