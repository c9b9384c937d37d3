#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "encoding/storage.hpp"

namespace vecinal {
namespace {

using kernels::RowType;

std::vector<float> random_row(std::size_t dim, std::uint32_t seed, float mean = 0,
                              float spread = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, spread);
  std::vector<float> row(kernels::padded_codes(dim), 0.0F);
  for (std::size_t d = 0; d < dim; ++d) row[d] = normal(random);
  return row;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d)
    sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
  return sum;
}

double squared_distance(const std::vector<float>& a, const std::vector<float>& b) {
  return dot(a, a) + dot(b, b) - 2 * dot(a, b);
}

/// One row, encoded and decoded.
struct RoundTrip {
  std::vector<float> decoded;
  Encoded done;
  float step;
};

RoundTrip round_trip(RowType type, bool fitted, const std::vector<float>& row) {
  Storage storage({.type = type, .dim = row.size(), .fitted = fitted});
  storage.resize(1);
  QueryBuffer buffer(storage);
  RoundTrip result{std::vector<float>(row.size()), storage.set(0, row.data(), 0, buffer), 0};
  storage.decode(0, result.decoded.data(), nullptr);
  std::uint16_t half = 0;
  std::memcpy(&half, storage.row(0), sizeof half);
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16U;
  std::memcpy(&result.step, &bits, sizeof bits);
  return result;
}

TEST(Lvq, EveryValueIsWithinHalfAGap) {
  for (const auto& [mean, spread] : {std::pair{0.0F, 1.0F},
                                     {5.0F, 0.01F},
                                     {-3e8F, 1e8F},
                                     {1e-30F, 1e-31F},
                                     {0.0F, 1e17F},
                                     {2.0F, 1e-7F}}) {
    for (const std::size_t dim : {32U, 96U, 384U}) {
      const auto row = random_row(dim, 3, mean, spread);
      for (const RowType type : {RowType::lvq8, RowType::lvq4}) {
        const RoundTrip trip = round_trip(type, false, row);
        ASSERT_TRUE(trip.done.in_range);
        EXPECT_EQ(trip.done.clipped, 0U);
        // Half a gap is one step; the ends may be another half step off, as the grid starts on a
        // multiple of the step.
        for (std::size_t d = 0; d < dim; ++d)
          ASSERT_LE(std::fabs(trip.decoded[d] - row[d]), 1.01F * trip.step) << mean << " " << d;
      }
    }
  }
}

TEST(Lvq, StepsAreAsSmallAsTheRangeAllows) {
  const auto row = random_row(256, 4);
  const auto [low, high] = std::minmax_element(row.begin(), row.end());
  const float gap = (*high - *low) / 255.0F;
  // bfloat16 rounds up by at most 2^-7.
  EXPECT_LE(2 * round_trip(RowType::lvq8, false, row).step, gap * (1 + 0x1p-7F));
}

TEST(Lvq, ConstantAndZeroRowsAreExactOrNearlySo) {
  for (const float value : {0.0F, 1.0F, -7.5F, 1e-38F, 9e18F}) {
    const std::vector<float> row(64, value);
    for (const RowType type : {RowType::lvq8, RowType::lvq4})
      for (const float decoded : round_trip(type, false, row).decoded)
        // The grid lies within 16,000 steps of zero.
        EXPECT_NEAR(decoded, value, std::fabs(value) * 1e-4F + 1e-37F);
  }
}

TEST(Lvq, FittedGridsAreNeverWorse) {
  double plain = 0;
  double fitted = 0;
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    const auto row = random_row(128, seed);
    const double one = round_trip(RowType::lvq4, false, row).done.squared_error;
    const double other = round_trip(RowType::lvq4, true, row).done.squared_error;
    EXPECT_LE(other, one * (1 + 1e-5));
    plain += one;
    fitted += other;
  }
  // A Gaussian's best 16-level uniform quantizer has 0.0115 of its variance as error (Max, 1960).
  EXPECT_LT(fitted, 0.9 * plain);
  EXPECT_LT(fitted / (50 * 128), 0.0135);
}

TEST(Lvq, SecondLevelsDivideTheErrorByTheirLevels) {
  const auto row = random_row(96, 5);
  const std::tuple<RowType, RowType, double> types[] = {{RowType::lvq4, RowType::lvq4x4, 15.0},
                                                        {RowType::lvq4, RowType::lvq4x8, 255.0},
                                                        {RowType::lvq8, RowType::lvq8x8, 255.0}};
  for (const auto& [first, both, levels] : types) {
    Storage base({.type = first, .dim = 96});
    Storage rest({.type = both, .dim = 96}, &base);
    base.resize(1);
    rest.resize(1);
    QueryBuffer base_buffer(base);
    QueryBuffer rest_buffer(rest);
    const double one = base.set(0, row.data(), 0, base_buffer).squared_error;
    const double two = rest.set(0, row.data(), 0, rest_buffer).squared_error;
    EXPECT_LT(std::sqrt(two), 1.2 * std::sqrt(one) / levels);
  }
}

/// Scores of l2 with a corrected bias: the distance to the decoded row, less the part that
/// quantization always adds.
TEST(Lvq, ScoresAreCorrectedDistances) {
  const std::size_t dim = 100;
  for (const RowType type : {RowType::lvq8, RowType::lvq4}) {
    Storage storage({.type = type, .dim = dim, .weight = -2, .correction = 2});
    storage.resize(8);
    QueryBuffer buffer(storage);
    QueryBuffer decoded_buffer(storage);
    std::vector<std::vector<float>> rows;
    for (Slot slot = 0; slot < 8; ++slot) {
      rows.push_back(random_row(dim, slot));
      const auto norm = static_cast<float>(dot(rows[slot], rows[slot]));
      (void)storage.set(slot, rows[slot].data(), norm, buffer);
    }
    const auto query = random_row(dim, 99);
    const auto constant = static_cast<float>(dot(query, query));
    const Scorer scorer = storage.scorer({query.data(), constant}, buffer);
    std::vector<float> decoded(query.size());
    for (Slot slot = 0; slot < 8; ++slot) {
      storage.decode(slot, decoded.data(), nullptr);
      const double expected =
          squared_distance(query, decoded) - squared_distance(rows[slot], decoded);
      // The query is rounded to 32,766 steps, and sums to float32.
      EXPECT_NEAR(scorer(slot), expected, 1e-4 * (dot(query, query) + dot(decoded, decoded)));
    }
    const Scorer of_row = storage.scorer_of(3, decoded_buffer);
    for (Slot slot = 0; slot < 8; ++slot) {
      if (slot == 3) continue;
      const double error = std::sqrt(squared_distance(rows[3], rows[slot]));
      EXPECT_NEAR(of_row(slot), squared_distance(rows[3], rows[slot]),
                  (type == RowType::lvq8 ? 0.1 : 2.0) * error);
      EXPECT_EQ(of_row(slot), storage.scorer_of(slot, buffer)(3)) << "not symmetric";
    }
  }
}

TEST(Lvq, RowsFarFromTheMeanStayQueries) {
  // Offsets of 16,000 steps: as queries, such rows of many dims must be halved to fit 32-bit sums.
  const std::size_t dim = 4096;
  Storage storage({.type = RowType::lvq8, .dim = dim});
  storage.resize(2);
  QueryBuffer buffer(storage);
  std::vector<std::vector<float>> rows = {random_row(dim, 1, 1000.0F, 0.01F),
                                          random_row(dim, 2, -1000.0F, 0.01F)};
  for (Slot slot = 0; slot < 2; ++slot) (void)storage.set(slot, rows[slot].data(), 0, buffer);
  const double expected = -dot(rows[0], rows[1]);
  EXPECT_NEAR(storage.scorer_of(0, buffer)(1), expected, 1e-3 * std::fabs(expected));
  EXPECT_NEAR(storage.scorer({rows[0].data()}, buffer)(1), expected, 1e-3 * std::fabs(expected));
}

TEST(Lvq, QueriesOfAnySizeAreFinite) {
  Storage storage({.type = RowType::lvq8, .dim = 32});
  storage.resize(1);
  QueryBuffer buffer(storage);
  (void)storage.set(0, random_row(32, 1).data(), 0, buffer);
  for (const float size : {0.0F, 1e-45F, 1e-38F, 1.0F, 9e18F}) {
    const std::vector<float> query(32, size);
    const float score = storage.scorer({query.data()}, buffer)(0);
    EXPECT_TRUE(std::isfinite(score)) << size;
    std::vector<float> rounded(32);
    storage.rounded({query.data()}, buffer, rounded.data());
    for (const float value : rounded) EXPECT_NEAR(value, size, size * 1e-4F + 1e-38F);
  }
}

}  // namespace
}  // namespace vecinal
