#include "vecinal/fde.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "multivector/cells.hpp"
#include "multivector/fde_worker.hpp"
#include "support/sets.hpp"
namespace vecinal {
namespace {

using test::chamfer;
using test::dot;
using test::queries_near;
using test::random_sets;
using test::Sets;
using test::unit_vectors;

std::vector<float> documents_of(const FdeEncoder& encoder, const Sets& sets) {
  std::vector<float> out(sets.batch().items() * encoder.encoded_dim());
  encoder.encode_documents(sets.batch(), out);
  return out;
}

std::vector<float> queries_of(const FdeEncoder& encoder, const Sets& sets) {
  std::vector<float> out(sets.batch().items() * encoder.encoded_dim());
  encoder.encode_queries(sets.batch(), out);
  return out;
}

TEST(Fde, OneCellIsTheMeanAndTheSum) {
  const FdeEncoder encoder(
      {.dim = 6, .params = {.k_sim = 0, .projected_dim = 6, .repetitions = 2}});
  Sets set{6};
  set.add({1, 2, 3, 4, 5, 6, 3, 2, 1, 0, -1, -2});
  EXPECT_EQ(documents_of(encoder, set), (std::vector<float>{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(queries_of(encoder, set), (std::vector<float>{4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4}));
}

TEST(Fde, ADocumentOfOneVectorIsScoredExactly) {
  // All its cells hold that vector, so every query vector meets it.
  const FdeEncoder encoder(
      {.dim = 10, .params = {.k_sim = 3, .projected_dim = 10, .repetitions = 4}});
  const Sets queries = random_sets(5, 10, 1);
  Sets document{10};
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
  const FdeEncoder encoder(
      {.dim = 12, .params = {.k_sim = 3, .projected_dim = 12, .repetitions = 5}});
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
    return dot(f_q.data(), f_p.data(), f_q.size()) / config.params.repetitions;
  };
  const FdeConfig base{.dim = 32, .params = {.k_sim = 0, .projected_dim = 32, .repetitions = 1}};
  const double exact = score(base);
  for (const InnerProjection projection : {InnerProjection::sparse, InnerProjection::dense}) {
    for (const std::size_t final_dim : {0U, 256U}) {
      FdeConfig config = base;
      config.params.projected_dim = 8;
      config.params.projection = projection;
      config.params.repetitions = 100;
      config.params.final_dim = final_dim;
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

std::vector<double> folded(const Cells& cells, const std::vector<double>& whole,
                           std::size_t final_dim) {
  std::vector<double> sketch(final_dim, 0.0);
  for (std::size_t i = 0; i < whole.size(); ++i)
    sketch[cells.final_places()[i].at] +=
        static_cast<double>(cells.final_places()[i].sign) * whole[i];
  return sketch;
}

/// The definition, slowly and in double, with the encoder's own planes and places.
std::vector<double> reference(const FdeConfig& config, std::span<const float> mean,
                              const Sets& sets, std::size_t set, bool queries) {
  const Cells cells(config);
  const FdeParams& params = config.params;
  const std::size_t width = params.projected_dim;
  std::vector<double> whole(params.repetitions * cells.count() * width, 0.0);
  const auto centred = [&](std::size_t i, std::size_t d) {
    return static_cast<double>(sets.vector(i)[d] - mean[d]);
  };
  const auto cell = [&](std::uint32_t r, std::size_t i) {
    std::uint32_t code = 0;
    for (std::uint32_t bit = 0; bit < params.k_sim; ++bit) {
      double product = 0;
      for (std::size_t d = 0; d < config.dim; ++d)
        product +=
            static_cast<double>(cells.planes().row(r * params.k_sim + bit)[d]) * centred(i, d);
      code |= (product > 0 ? 1U : 0U) << bit;
    }
    return code;
  };
  const auto add = [&](std::uint32_t r, std::size_t i, double* to) {
    const auto value = [&](std::size_t d) {
      return queries ? static_cast<double>(sets.vector(i)[d]) : centred(i, d);
    };
    for (std::size_t p = 0; p < width; ++p) {
      if (!cells.dense().empty())
        for (std::size_t d = 0; d < config.dim; ++d)
          to[p] += static_cast<double>(cells.dense()[r].row(p)[d]) * value(d);
      else if (cells.sparse().empty())
        to[p] += value(p);
      else
        for (std::size_t half = 0; half < 2; ++half) {
          const auto& [dims, ends] = cells.sparse()[r];
          for (std::size_t at = 2 * p + half == 0 ? 0 : ends[2 * p + half - 1];
               at < ends[2 * p + half]; ++at)
            to[p] += (half == 0 ? 1 : -1) * value(dims[at]);
        }
    }
  };
  for (std::uint32_t r = 0; r < params.repetitions; ++r)
    for (std::uint32_t at = 0; at < cells.count(); ++at) {
      double* block = whole.data() + (r * cells.count() + at) * width;
      double inside = 0;
      std::size_t nearest = sets.offsets[set];
      for (std::size_t i = sets.offsets[set]; i < sets.offsets[set + 1]; ++i) {
        if (std::popcount(cell(r, i) ^ at) < std::popcount(cell(r, nearest) ^ at)) nearest = i;
        if (cell(r, i) != at) continue;
        add(r, i, block);
        ++inside;
      }
      for (std::size_t p = 0; p < width && inside > 0 && !queries; ++p) block[p] /= inside;
      if (inside == 0 && !queries && params.fill_empty) add(r, nearest, block);
    }
  return params.final_dim == 0 ? whole : folded(cells, whole, params.final_dim);
}

TEST(Fde, EncodingsAreTheDefinition) {
  std::uint32_t seed = 1;
  for (const InnerProjection projection : {InnerProjection::sparse, InnerProjection::dense})
    for (const std::size_t width : {1U, 5U, 19U})
      for (const std::size_t final_dim : {0U, 37U})
        for (const std::uint32_t k_sim : {0U, 1U, 5U}) {
          const FdeConfig config{.dim = 19,
                                 .params = {.k_sim = k_sim,
                                            .projected_dim = width,
                                            .projection = projection,
                                            .repetitions = 3,
                                            .final_dim = final_dim,
                                            .fill_empty = seed % 3 != 0},
                                 .seed = seed};
          FdeEncoder encoder(config);
          const Sets sets = random_sets(6, 19, ++seed, 0.5F);
          (void)encoder.train(sets.batch());
          const auto documents = documents_of(encoder, sets);
          const auto queries = queries_of(encoder, sets);
          for (std::size_t set = 0; set < sets.count(); ++set) {
            const auto document = reference(config, encoder.mean(), sets, set, false);
            const auto query = reference(config, encoder.mean(), sets, set, true);
            for (std::size_t i = 0; i < document.size(); ++i) {
              // A vector in another cell would be off by about its length, 1.
              ASSERT_NEAR(documents[set * document.size() + i], document[i], 2e-5) << i;
              ASSERT_NEAR(queries[set * query.size() + i], query[i], 2e-5) << i;
            }
          }
        }
}

TEST(Fde, VectorsOnAPlaneHaveOneSideEverywhere) {
  // A product that is zero but for its rounding: equal values against a plane and its opposite.
  const FdeConfig config{.dim = 64, .params = {.k_sim = 8, .projected_dim = 64, .repetitions = 50}};
  const Cells cells(config);
  for (std::size_t row = 0; row < cells.planes().rows(); ++row) {
    // Orthogonal to the plane: two of its values, exchanged, one of them negated.
    std::vector<float> vector(64, 0.0F);
    const float* plane = cells.planes().row(row);
    vector[row % 63] = plane[row % 63 + 1];
    vector[row % 63 + 1] = -plane[row % 63];
    EXPECT_FALSE(cells.above(row, vector.data()));
    vector[row % 63] += std::copysign(1e-6F, plane[row % 63]);
    EXPECT_TRUE(cells.above(row, vector.data()));
    vector[row % 63] -= std::copysign(2e-6F, plane[row % 63]);
    EXPECT_FALSE(cells.above(row, vector.data()));
  }
}

/// Vectors of any kind and count, on planes and next to them, have the cells of doubles.
TEST(Fde, CellsAreThoseOfDoubles) {
  for (const std::size_t dim : {1U, 2U, 7U, 8U, 64U, 100U, 1000U}) {
    const FdeConfig config{
        .dim = dim, .params = {.k_sim = 7, .projected_dim = 1, .repetitions = 9}, .seed = dim};
    const Cells cells(config);
    constexpr std::size_t count = 200;
    std::vector<float> values = unit_vectors(count, dim, 3, 0.4F);
    for (std::size_t i = 0; i < count; ++i) {
      float* vector = values.data() + i * dim;
      const float* plane = cells.planes().row(i % cells.planes().rows());
      const double share = dot(vector, plane, dim) / dot(plane, plane, dim);
      // Whole powers of two keep what rounds: from next to nothing to the longest there are.
      const float size = std::ldexp(1.0F, static_cast<int>(i % 15) * 17 - 119);
      for (std::size_t d = 0; d < dim; ++d) {
        if (i % 3 == 0) vector[d] -= static_cast<float>(share * static_cast<double>(plane[d]));
        if (i % 5 == 0 && d % 8 != i % 8) vector[d] = 0;  // one value is nearly all of it
        vector[d] *= i % 2 == 0 ? size : 1.0F;
      }
    }
    const std::vector<float> mean(dim, 0.01F);
    FdeWorker worker(config.params, cells, mean);
    std::vector<std::uint16_t> found(count * config.params.repetitions);
    const Batch batch{.data = values.data(), .count = count, .dim = dim};
    worker.hash(batch, 0, count, found.data());
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<float> centred(dim);
      for (std::size_t d = 0; d < dim; ++d) centred[d] = values[i * dim + d] - mean[d];
      for (std::size_t row = 0; row < cells.planes().rows(); ++row) {
        const bool above = (found[i * 9 + row / 7] >> row % 7 & 1) != 0;
        ASSERT_EQ(above, cells.above(row, centred.data())) << dim << ' ' << i << ' ' << row;
      }
    }
  }
}

TEST(Fde, EncodingsDependOnTheSeedAlone) {
  const Sets sets = random_sets(40, 24, 6);
  FdeConfig config{.dim = 24,
                   .params = {.k_sim = 4, .projected_dim = 8, .repetitions = 6, .final_dim = 128}};
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
  const std::size_t count = documents.batch().items();
  double found = 0;
  for (std::size_t q = 0; q < queries.batch().items(); ++q) {
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
  return found / static_cast<double>(queries.batch().items());
}

TEST(Fde, FindsTheBestDocuments) {
  const Sets documents = random_sets(300, 32, 7);
  const Sets queries = queries_near(documents, 50, 8, 0.7F);
  const FdeEncoder encoder(
      {.dim = 32, .params = {.k_sim = 4, .projected_dim = 8, .repetitions = 20}});
  EXPECT_GE(found_among_ten(encoder, queries, documents), 0.9);
  const FdeEncoder sketched(
      {.dim = 32,
       .params = {.k_sim = 4, .projected_dim = 16, .repetitions = 20, .final_dim = 2048}});
  EXPECT_GE(found_among_ten(sketched, queries, documents), 0.9);
}

TEST(Fde, CentringRescuesNarrowCones) {
  const Sets documents = random_sets(300, 32, 9, 3.0F);
  const Sets queries = queries_near(documents, 50, 10, 0.2F);
  const FdeConfig config{.dim = 32, .params = {.k_sim = 4, .projected_dim = 8, .repetitions = 20}};
  const FdeEncoder raw(config);
  FdeEncoder centred(config);
  const FdeQuality quality = centred.train(documents.batch());
  EXPECT_GT(quality.mean_cosine, 0.8);
  EXPECT_GT(quality.occupancy, 0.9);
  EXPECT_GT(found_among_ten(centred, queries, documents),
            found_among_ten(raw, queries, documents) + 0.1);
}

TEST(Fde, EmptySetsAreZeros) {
  Sets sets{8};
  sets.add({});
  sets.add(unit_vectors(3, 8, 1, 0));
  sets.add({});
  const FdeEncoder encoder(
      {.dim = 8, .params = {.k_sim = 2, .projected_dim = 4, .repetitions = 3}});
  const auto out = documents_of(encoder, sets);
  const auto width = static_cast<std::ptrdiff_t>(encoder.encoded_dim());
  EXPECT_TRUE(std::all_of(out.begin(), out.begin() + width, [](float v) { return v == 0; }));
  EXPECT_TRUE(std::all_of(out.end() - width, out.end(), [](float v) { return v == 0; }));
  EXPECT_TRUE(std::any_of(out.begin(), out.end(), [](float v) { return v != 0; }));
}

TEST(Fde, WrongInputIsNamed) {
  for (const FdeConfig& wrong :
       {FdeConfig{.dim = 0}, FdeConfig{.dim = 8, .params = {.k_sim = 11}},
        FdeConfig{.dim = 8, .params = {.projected_dim = 9}},
        FdeConfig{.dim = 8, .params = {.repetitions = 0}},
        FdeConfig{.dim = 65536,
        .params = {.k_sim = 10, .projected_dim = 65536, .repetitions = 1000}}})
    EXPECT_THROW(FdeEncoder{wrong}, std::invalid_argument);
  FdeEncoder encoder({.dim = 8});
  Sets sets = random_sets(3, 8, 1);
  std::vector<float> out(3 * encoder.encoded_dim());
  std::vector<float> small(5);
  EXPECT_THROW(encoder.encode_documents(sets.batch(), small), std::invalid_argument);
  EXPECT_THROW(encoder.encode_queries({.dim = 8}, out), std::invalid_argument);
  const Sets other = random_sets(3, 7, 1);
  EXPECT_THROW(encoder.encode_documents(other.batch(), out), std::invalid_argument);
  Sets broken = sets;
  std::swap(broken.offsets[1], broken.offsets[2]);
  EXPECT_THROW(encoder.encode_documents(broken.batch(), out), std::invalid_argument);
  std::vector<std::size_t> past = sets.offsets;
  ++past.back();
  Batch overrun = sets.batch();
  overrun.offsets = past;
  EXPECT_THROW(encoder.encode_documents(overrun, out), std::invalid_argument);
  broken = sets;
  broken.values[17] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(encoder.encode_documents(broken.batch(), out), std::invalid_argument);
  EXPECT_THROW((void)encoder.train(broken.batch()), std::invalid_argument);
  const std::vector<std::size_t> nothing = {0};
  EXPECT_THROW((void)encoder.train({.dim = 8, .offsets = nothing}), std::invalid_argument);
}

}  // namespace
}  // namespace vecinal
