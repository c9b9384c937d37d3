#include "vecinal/fde.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace vecinal {
namespace {

/// Sets of unit vectors that keep their own memory.
struct Sets {
  std::size_t dim;
  std::vector<float> values;
  std::vector<std::size_t> offsets{0};

  [[nodiscard]] SetBatch batch() const {
    return {{.data = values.data(), .count = offsets.back(), .dim = dim}, offsets};
  }
  [[nodiscard]] const float* vector(std::size_t i) const { return values.data() + i * dim; }
  void add(const std::vector<float>& vectors) {
    values.insert(values.end(), vectors.begin(), vectors.end());
    offsets.push_back(values.size() / dim);
  }
};

/// Unit vectors around `cone` times a direction that all share.
std::vector<float> unit_vectors(std::size_t count, std::size_t dim, std::uint32_t seed,
                                float cone) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count * dim);
  for (std::size_t i = 0; i < count; ++i) {
    double norm = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      float& value = values[i * dim + d];
      value = normal(random) + (d % 2 == 0 ? cone : -cone);
      norm += static_cast<double>(value) * static_cast<double>(value);
    }
    for (std::size_t d = 0; d < dim; ++d)
      values[i * dim + d] /= static_cast<float>(std::sqrt(norm));
  }
  return values;
}

Sets random_sets(std::size_t count, std::size_t dim, std::uint32_t seed, float cone = 0) {
  Sets sets{dim, {}};
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < count; ++i)
    sets.add(
        unit_vectors(5 + random() % 20, dim, seed * 1000 + static_cast<std::uint32_t>(i), cone));
  return sets;
}

double dot(const float* a, const float* b, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

double chamfer(const Sets& queries, std::size_t q, const Sets& documents, std::size_t p) {
  double sum = 0;
  for (std::size_t i = queries.offsets[q]; i < queries.offsets[q + 1]; ++i) {
    double best = -HUGE_VAL;
    for (std::size_t j = documents.offsets[p]; j < documents.offsets[p + 1]; ++j)
      best = std::max(best, dot(queries.vector(i), documents.vector(j), queries.dim));
    sum += best;
  }
  return sum;
}

std::vector<float> documents_of(const FdeEncoder& encoder, const Sets& sets) {
  std::vector<float> out(sets.batch().count() * encoder.encoded_dim());
  encoder.encode_documents(sets.batch(), out);
  return out;
}

std::vector<float> queries_of(const FdeEncoder& encoder, const Sets& sets) {
  std::vector<float> out(sets.batch().count() * encoder.encoded_dim());
  encoder.encode_queries(sets.batch(), out);
  return out;
}

TEST(Fde, OneCellIsTheMeanAndTheSum) {
  const FdeEncoder encoder({.dim = 6, .k_sim = 0, .projected_dim = 6, .repetitions = 2});
  Sets set{6, {}};
  set.add({1, 2, 3, 4, 5, 6, 3, 2, 1, 0, -1, -2});
  EXPECT_EQ(documents_of(encoder, set), (std::vector<float>{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(queries_of(encoder, set), (std::vector<float>{4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4}));
}

TEST(Fde, ADocumentOfOneVectorIsScoredExactly) {
  // All its cells hold that vector, so every query vector meets it.
  const FdeEncoder encoder({.dim = 10, .k_sim = 3, .projected_dim = 10, .repetitions = 4});
  const Sets queries = random_sets(5, 10, 1);
  Sets document{10, {}};
  document.add(unit_vectors(1, 10, 9, 0));
  const auto f_q = queries_of(encoder, queries);
  const auto f_p = documents_of(encoder, document);
  const std::size_t width = encoder.encoded_dim();
  for (std::size_t q = 0; q < 5; ++q)
    EXPECT_NEAR(dot(f_q.data() + q * width, f_p.data(), width) / 4,
                chamfer(queries, q, document, 0), 1e-5);
}

TEST(Fde, WithoutProjectionsScoresNeverExceedTheChamferSimilarity) {
  // A mean of a cell's vectors is no closer than the closest of them.
  const FdeEncoder encoder({.dim = 12, .k_sim = 3, .projected_dim = 12, .repetitions = 5});
  const Sets queries = random_sets(10, 12, 2);
  const Sets documents = random_sets(30, 12, 3);
  const auto f_q = queries_of(encoder, queries);
  const auto f_p = documents_of(encoder, documents);
  const std::size_t width = encoder.encoded_dim();
  for (std::size_t q = 0; q < 10; ++q)
    for (std::size_t p = 0; p < 30; ++p)
      EXPECT_LE(dot(f_q.data() + q * width, f_p.data() + p * width, width) / 5,
                chamfer(queries, q, documents, p) + 1e-4);
}

TEST(Fde, ProjectionsKeepInnerProductsOnAverage) {
  const Sets queries = random_sets(1, 32, 4);
  const Sets documents = random_sets(1, 32, 5);
  const auto score = [&](FdeConfig config) {
    const FdeEncoder encoder(config);
    const auto f_q = queries_of(encoder, queries);
    const auto f_p = documents_of(encoder, documents);
    return dot(f_q.data(), f_p.data(), f_q.size()) / config.repetitions;
  };
  const FdeConfig base{.dim = 32, .k_sim = 0, .projected_dim = 32, .repetitions = 1};
  const double exact = score(base);
  for (const InnerProjection projection : {InnerProjection::sparse, InnerProjection::dense}) {
    for (const std::size_t final_dim : {0U, 256U}) {
      FdeConfig config = base;
      config.projected_dim = 8;
      config.projection = projection;
      config.repetitions = 100;
      config.final_dim = final_dim;
      double mean = 0;
      constexpr int seeds = 20;
      for (int seed = 0; seed < seeds; ++seed) {
        config.seed = static_cast<std::uint64_t>(seed);
        mean += score(config) / seeds;
      }
      // |Q-sum| |P-mean| / sqrt(8 * 2,000 draws), five times, and as much for the sketch.
      const double size =
          std::sqrt(dot(queries.values.data(), queries.values.data(), queries.values.size()));
      EXPECT_NEAR(mean, exact, 10 * size / std::sqrt(8.0 * 2000)) << final_dim;
    }
  }
}

TEST(Fde, EncodingsDependOnTheSeedAlone) {
  const Sets sets = random_sets(40, 24, 6);
  FdeConfig config{.dim = 24, .k_sim = 4, .projected_dim = 8, .repetitions = 6, .final_dim = 128};
  std::vector<float> first;
  for (const unsigned threads : {1U, 2U, 3U, 8U}) {
    config.threads = threads;
    const auto found = documents_of(FdeEncoder(config), sets);
    if (first.empty()) first = found;
    EXPECT_EQ(found, first) << threads << " threads";
  }
  config.seed = 1;
  EXPECT_NE(documents_of(FdeEncoder(config), sets), first);
}

/// Share of queries whose best document by Chamfer similarity is among the 10 best by encodings.
double found_among_ten(const FdeEncoder& encoder, const Sets& queries, const Sets& documents) {
  const auto f_q = queries_of(encoder, queries);
  const auto f_p = documents_of(encoder, documents);
  const std::size_t width = encoder.encoded_dim();
  const std::size_t count = documents.batch().count();
  double found = 0;
  for (std::size_t q = 0; q < queries.batch().count(); ++q) {
    std::vector<double> exact(count);
    std::vector<double> scores(count);
    for (std::size_t p = 0; p < count; ++p) {
      exact[p] = chamfer(queries, q, documents, p);
      scores[p] = dot(f_q.data() + q * width, f_p.data() + p * width, width);
    }
    const auto best =
        static_cast<std::size_t>(std::max_element(exact.begin(), exact.end()) - exact.begin());
    const auto above = std::count_if(scores.begin(), scores.end(),
                                     [&](double score) { return score > scores[best]; });
    found += above < 10 ? 1 : 0;
  }
  return found / static_cast<double>(queries.batch().count());
}

/// Queries whose vectors lie near some of a document's.
Sets queries_near(const Sets& documents, std::size_t count, std::uint32_t seed, float noise) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, noise / std::sqrt(static_cast<float>(documents.dim)));
  Sets queries{documents.dim, {}};
  for (std::size_t q = 0; q < count; ++q) {
    const std::size_t p = random() % (documents.offsets.size() - 1);
    std::vector<float> vectors;
    for (std::size_t i = documents.offsets[p]; i < documents.offsets[p + 1]; i += 2)
      for (std::size_t d = 0; d < documents.dim; ++d)
        vectors.push_back(documents.vector(i)[d] + normal(random));
    queries.add(vectors);
  }
  return queries;
}

TEST(Fde, FindsTheBestDocuments) {
  const Sets documents = random_sets(300, 32, 7);
  const Sets queries = queries_near(documents, 50, 8, 0.7F);
  const FdeEncoder encoder({.dim = 32, .k_sim = 4, .projected_dim = 8, .repetitions = 20});
  EXPECT_GE(found_among_ten(encoder, queries, documents), 0.9);
  const FdeEncoder sketched(
      {.dim = 32, .k_sim = 4, .projected_dim = 16, .repetitions = 20, .final_dim = 2048});
  EXPECT_GE(found_among_ten(sketched, queries, documents), 0.9);
}

TEST(Fde, CentringRescuesNarrowCones) {
  const Sets documents = random_sets(300, 32, 9, 3.0F);
  const Sets queries = queries_near(documents, 50, 10, 0.2F);
  const FdeConfig config{.dim = 32, .k_sim = 4, .projected_dim = 8, .repetitions = 20};
  const FdeEncoder raw(config);
  FdeEncoder centred(config);
  const FdeQuality quality = centred.train(documents.batch());
  EXPECT_GT(quality.mean_cosine, 0.8);
  EXPECT_GT(quality.occupancy, 0.9);
  EXPECT_GT(found_among_ten(centred, queries, documents),
            found_among_ten(raw, queries, documents) + 0.1);
}

TEST(Fde, EmptySetsAreZeros) {
  Sets sets{8, {}};
  sets.add({});
  sets.add(unit_vectors(3, 8, 1, 0));
  sets.add({});
  const FdeEncoder encoder({.dim = 8, .k_sim = 2, .projected_dim = 4, .repetitions = 3});
  const auto out = documents_of(encoder, sets);
  const auto width = static_cast<std::ptrdiff_t>(encoder.encoded_dim());
  EXPECT_TRUE(std::all_of(out.begin(), out.begin() + width, [](float v) { return v == 0; }));
  EXPECT_TRUE(std::all_of(out.end() - width, out.end(), [](float v) { return v == 0; }));
  EXPECT_TRUE(std::any_of(out.begin(), out.end(), [](float v) { return v != 0; }));
}

TEST(Fde, WrongInputIsNamed) {
  for (const FdeConfig& wrong :
       {FdeConfig{.dim = 0}, FdeConfig{.dim = 8, .k_sim = 11},
        FdeConfig{.dim = 8, .projected_dim = 9}, FdeConfig{.dim = 8, .repetitions = 0},
        FdeConfig{.dim = 65536, .k_sim = 10, .projected_dim = 65536, .repetitions = 1000}})
    EXPECT_THROW(FdeEncoder{wrong}, std::invalid_argument);
  FdeEncoder encoder({.dim = 8});
  Sets sets = random_sets(3, 8, 1);
  std::vector<float> out(3 * encoder.encoded_dim());
  std::vector<float> small(5);
  EXPECT_THROW(encoder.encode_documents(sets.batch(), small), std::invalid_argument);
  EXPECT_THROW(encoder.encode_queries({}, out), std::invalid_argument);
  const Sets other = random_sets(3, 7, 1);
  EXPECT_THROW(encoder.encode_documents(other.batch(), out), std::invalid_argument);
  Sets broken = sets;
  std::swap(broken.offsets[1], broken.offsets[2]);
  EXPECT_THROW(encoder.encode_documents(broken.batch(), out), std::invalid_argument);
  std::vector<std::size_t> past = sets.offsets;
  ++past.back();
  EXPECT_THROW(encoder.encode_documents({sets.batch().vectors, past}, out), std::invalid_argument);
  broken = sets;
  broken.values[17] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(encoder.encode_documents(broken.batch(), out), std::invalid_argument);
  EXPECT_THROW((void)encoder.train(broken.batch()), std::invalid_argument);
  const std::vector<std::size_t> nothing = {0};
  EXPECT_THROW((void)encoder.train({{.dim = 8}, nothing}), std::invalid_argument);
}

}  // namespace
}  // namespace vecinal
