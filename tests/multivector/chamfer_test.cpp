#include "multivector/chamfer.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>

#include "support/sets.hpp"

namespace vecinal {
namespace {

using test::Sets;

std::vector<Slot> numbers(const Sets& sets) {
  std::vector<Slot> all(sets.offsets.size() - 1);
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

class ChamferTest : public ::testing::TestWithParam<Encoding> {
 protected:
  /// Of one inner product of vectors of these lengths.
  static double tolerance(double query, double document) {
    const double share = GetParam() == Encoding::f32   ? 2e-6
                         : GetParam() == Encoding::f16 ? 2e-3
                                                       : 1e-2;
    return share * query * document;
  }

  static std::unique_ptr<TokenRows> stored(const Sets& documents, const std::vector<float>& mean) {
    auto tokens = std::make_unique<TokenRows>(documents.dim, GetParam(), mean);
    tokens->assign(numbers(documents), documents.batch(), 2);
    return tokens;
  }
};

double length(const float* vector, std::size_t dim) {
  return std::sqrt(test::dot(vector, vector, dim));
}

TEST_P(ChamferTest, ScoresAreTheSumOfTheGreatestProducts) {
  std::uint32_t seed = 0;
  for (const std::size_t dim : {1U, 7U, 16U, 31U, 96U, 128U, 200U})
    for (const std::size_t tokens : {1U, 2U, 15U, 16U, 33U, 70U}) {
      Sets documents{dim};
      for (const std::size_t size : {1U, 3U, 6U, 47U, 48U, 49U, 100U})
        documents.add(test::unit_vectors(size, dim, ++seed, 0.3F));
      Sets query{dim};
      query.add(test::unit_vectors(tokens, dim, ++seed));
      std::vector<float> mean(dim, 0.1F);
      const auto stored_rows = stored(documents, mean);
      const TokenRows& rows = *stored_rows;
      const ChamferQuery prepared(rows, query.batch(), 0, tokens, 0);
      ChamferScratch scratch(rows);
      for (std::size_t p = 0; p < documents.count(); ++p) {
        const float score = prepared.score(p, scratch);
        ASSERT_NEAR(score, test::chamfer(query, 0, documents, p),
                    static_cast<double>(tokens) * tolerance(1, 2))
            << dim << " dims, " << tokens << " tokens, document " << p;
        ASSERT_EQ(prepared.score(p, scratch, (p + 1) % documents.count()), score);
      }
    }
}

TEST_P(ChamferTest, LengthsMayDifferBetweenVectors) {
  Sets documents{24};
  std::vector<float> values = test::unit_vectors(20, 24, 1);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] *= static_cast<float>(1U << (i / 24 % 8));
  documents.add(values);
  Sets query{24};
  values = test::unit_vectors(9, 24, 2);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] *= static_cast<float>(1U << (i / 24 % 8));
  query.add(values);
  const auto stored_rows = stored(documents, std::vector<float>(24, 0.0F));
  const TokenRows& rows = *stored_rows;
  const ChamferQuery prepared(rows, query.batch(), 0, 9, 0);
  ChamferScratch scratch(rows);
  double most = 0;
  for (std::size_t i = 0; i < 9; ++i) most += tolerance(length(query.vector(i), 24), 128);
  EXPECT_NEAR(prepared.score(0, scratch), test::chamfer(query, 0, documents, 0), most);
}

TEST_P(ChamferTest, ZerosAndLargeValuesStayFinite) {
  Sets documents{8};
  documents.add(std::vector<float>(3 * 8, 0.0F));
  documents.add(std::vector<float>(2 * 8, GetParam() == Encoding::f16 ? 6e4F : 1e18F));
  documents.add(std::vector<float>(2 * 8, 1e-42F));
  Sets query{8};
  std::vector<float> values(8, 1e18F);
  values.insert(values.end(), 8, -1e18F);
  values.insert(values.end(), 8, 0.0F);
  query.add(values);
  const auto stored_rows = stored(documents, std::vector<float>(8, 0.0F));
  const TokenRows& rows = *stored_rows;
  const ChamferQuery prepared(rows, query.batch(), 0, 3, 0);
  ChamferScratch scratch(rows);
  EXPECT_EQ(prepared.score(0, scratch), 0.0F);
  EXPECT_TRUE(std::isfinite(prepared.score(1, scratch)));
  EXPECT_TRUE(std::isfinite(prepared.score(2, scratch)));
}

INSTANTIATE_TEST_SUITE_P(AllTokens, ChamferTest,
                         ::testing::Values(Encoding::f32, Encoding::f16, Encoding::lvq8,
                                           Encoding::lvq8x8),
                         [](const auto& tokens) { return std::string(name(tokens.param)); });

TEST(Chamfer, BothLevelsTogetherAreAsFineAsHalves) {
  Sets documents{96};
  for (const std::size_t size : {1U, 47U, 48U, 49U, 100U})
    documents.add(test::unit_vectors(size, 96, static_cast<std::uint32_t>(size), 0.3F));
  Sets query{96};
  query.add(test::unit_vectors(33, 96, 1));
  const std::vector<float> mean(96, 0.1F);
  TokenRows tokens(96, Encoding::lvq8x8, mean);
  tokens.assign(numbers(documents), documents.batch(), 2);
  ChamferScratch scratch(tokens);
  const ChamferQuery coarse(tokens, query.batch(), 0, 33, 0);
  const ChamferQuery full(tokens, query.batch(), 0, 33, 0, TokenLevel::full);
  double coarse_error = 0;
  double full_error = 0;
  for (std::size_t p = 0; p < documents.count(); ++p) {
    const double exact = test::chamfer(query, 0, documents, p);
    coarse_error = std::max(coarse_error, std::fabs(coarse.score(p, scratch) - exact));
    full_error = std::max(full_error, std::fabs(full.score(p, scratch) - exact));
  }
  EXPECT_LT(full_error, 1e-3);
  EXPECT_GT(coarse_error, 10 * full_error);
}

TEST(Chamfer, CarvingSumsVectorsThatAreAlike) {
  Sets query{4};
  query.add({1, 0, 0, 0, 0, 1, 0, 0, 0.9F, 0.1F, 0, 0, 0, 0, 1, 0});
  const Sets documents = test::random_sets(3, 4, 5);
  TokenRows rows(4, Encoding::f32, std::vector<float>(4, 0.0F));
  rows.assign(numbers(documents), documents.batch(), 1);
  const ChamferQuery carved(rows, query.batch(), 0, 4, 0.7F);
  EXPECT_EQ(carved.size(), 3U);
  Sets sums{4};
  sums.add({1.9F, 0.1F, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0});
  ChamferScratch scratch(rows);
  for (std::size_t p = 0; p < 3; ++p)
    EXPECT_NEAR(carved.score(p, scratch), test::chamfer(sums, 0, documents, p), 1e-5);
  EXPECT_EQ(ChamferQuery(rows, query.batch(), 0, 4, 0).size(), 4U);
}

}  // namespace
}  // namespace vecinal
