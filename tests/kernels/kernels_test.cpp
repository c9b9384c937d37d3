#include "kernels/kernels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/dispatch.hpp"
#include "support/random.hpp"

namespace vecinal::kernels {
namespace {

/// Independent of any kernel: decodes a half by arithmetic.
double half_value(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1F;
  const int fraction = half & 0x3FF;
  const double sign = (half & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 31) return fraction == 0 ? sign * HUGE_VAL : std::nan("");
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

class KernelTest : public ::testing::TestWithParam<SimdLevel> {
 protected:
  void SetUp() override {
    if (!supported(GetParam())) GTEST_SKIP() << name(GetParam()) << " is not on this CPU";
  }
  const KernelTable& kernels() const { return table(GetParam()); }
};

/// Rows of `dim` values in both row types, padded, and what they hold as doubles.
struct Fixture {
  std::size_t dim;
  std::size_t count;
  std::size_t width = padded(dim);
  std::vector<float> query = std::vector<float>(width, 0.0F);
  std::vector<float> rows = std::vector<float>(width * count, 0.0F);
  std::vector<std::uint16_t> halves = std::vector<std::uint16_t>(width * count, 0);

  Fixture(std::size_t d, std::size_t n, const KernelTable& kernels) : dim(d), count(n) {
    const auto values = test::random_floats(dim * (count + 1), static_cast<std::uint32_t>(dim));
    std::copy_n(values.begin(), dim, query.begin());
    for (std::size_t i = 0; i < count; ++i)
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>((i + 1) * dim), dim,
                  rows.begin() + static_cast<std::ptrdiff_t>(i * width));
    kernels.to_half(rows.data(), halves.data(), rows.size());
  }
  [[nodiscard]] RowView view(RowType type) const {
    return type == RowType::f32
               ? RowView{reinterpret_cast<const std::byte*>(rows.data()), width * 4, width, 2}
               : RowView{reinterpret_cast<const std::byte*>(halves.data()), width * 2, width, 2};
  }
  [[nodiscard]] double value(RowType type, std::size_t i) const {
    return type == RowType::f32 ? static_cast<double>(rows[i]) : half_value(halves[i]);
  }
};

void expect_scores(const Fixture& f, RowType type, Op op, ScoreFn kernel) {
  std::vector<std::uint32_t> slots(f.count);
  std::iota(slots.rbegin(), slots.rend(), 0U);
  std::vector<float> scores(f.count + 1, -1234.5F);
  kernel({.values = f.query.data()}, f.view(type), slots.data(), slots.size(), scores.data());
  EXPECT_EQ(scores[f.count], -1234.5F) << "wrote past the end";
  for (std::size_t i = 0; i < f.count; ++i) {
    double exact = 0;
    double magnitude = 0;
    for (std::size_t d = 0; d < f.dim; ++d) {
      const double q = f.query[d];
      const double x = f.value(type, slots[i] * f.width + d);
      const double term = op == Op::l2 ? (q - x) * (q - x) : -q * x;
      exact += term;
      magnitude += std::fabs(term);
    }
    // Sums of n terms in at least one chain: n roundings of 2^-24 each, and 3 more of each term in
    // l2.
    const double tolerance = magnitude * std::ldexp(static_cast<double>(f.dim) + 4.0, -24) + 1e-30;
    EXPECT_NEAR(scores[i], exact, tolerance) << "dim " << f.dim << " row " << slots[i];
  }
}

TEST_P(KernelTest, ScoresMatchADoubleReferenceForEveryDimension) {
  std::vector<std::size_t> dims(130);
  std::iota(dims.begin(), dims.end(), 1U);
  for (const std::size_t odd : {255U, 257U, 383U, 769U, 1023U, 1025U, 4097U}) dims.push_back(odd);
  for (const std::size_t dim : dims) {
    const Fixture fixture(dim, dim > 300 ? 3 : 7, kernels());
    for (const RowType type : {RowType::f32, RowType::f16})
      for (const Op op : {Op::negative_dot, Op::l2})
        expect_scores(
            fixture, type, op,
            kernels().score[static_cast<std::size_t>(type)][static_cast<std::size_t>(op)]);
  }
}

/// Rows are scored some at a time: that must not show.
TEST_P(KernelTest, ScoresDoNotDependOnTheRowsBeside) {
  for (const std::size_t dim : {1U, 16U, 17U, 48U, 64U, 70U, 112U, 500U}) {
    const Fixture fixture(dim, 11, kernels());
    std::vector<std::uint32_t> slots(11);
    std::iota(slots.begin(), slots.end(), 0U);
    for (const RowType type : {RowType::f32, RowType::f16})
      for (const ScoreFn score : kernels().score[static_cast<std::size_t>(type)]) {
        std::vector<float> alone(slots.size());
        for (std::size_t i = 0; i < slots.size(); ++i)
          score({.values = fixture.query.data()}, fixture.view(type), &slots[i], 1, &alone[i]);
        for (std::size_t count = 2; count <= slots.size(); ++count) {
          std::vector<float> together(count);
          score({.values = fixture.query.data()}, fixture.view(type), slots.data(), count,
                together.data());
          EXPECT_TRUE(std::equal(together.begin(), together.end(), alone.begin()))
              << dim << " dims, " << count << " rows";
        }
      }
  }
}

TEST_P(KernelTest, KeysAreInsertedWhereTheyBelong) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::mt19937_64 random(5);
  for (const std::size_t count : {0U, 1U, 2U, 7U, 8U, 9U, 16U, 63U, 64U, 65U, 130U, 500U}) {
    for (std::size_t round = 0; round < 2 * count + 4; ++round) {
      std::vector<std::int64_t> keys(count);
      const auto any = [&] { return static_cast<std::int64_t>(random() >> 1U) - most / 2; };
      for (auto& key : keys) key = any();
      std::sort(keys.begin(), keys.end());
      // The ends too, and keys that are there already.
      std::int64_t key = round == 0 ? std::numeric_limits<std::int64_t>::min() : any();
      if (round == 1) key = most - 1;
      if (round >= 4 && round % 2 == 0) key = keys[round / 2 - 2];
      std::vector<std::int64_t> expected = keys;
      const auto place = std::lower_bound(expected.begin(), expected.end(), key);
      const auto at = static_cast<std::size_t>(place - expected.begin());
      expected.insert(place, key);
      keys.resize(count + key_padding, most);
      expected.resize(keys.size(), most);
      keys.push_back(7);  // of somebody else
      EXPECT_EQ(kernels().insert_key(keys.data(), count, key), at) << count;
      EXPECT_EQ(keys.back(), 7);
      keys.pop_back();
      EXPECT_EQ(keys, expected) << count << " keys";
    }
  }
}

TEST_P(KernelTest, NoRowsIsNoWork) {
  float untouched = 5;
  kernels().score[0][0]({}, {}, nullptr, 0, &untouched);
  EXPECT_EQ(untouched, 5);
}

TEST_P(KernelTest, NanAndInfinityReachTheScore) {
  for (const std::size_t at : {0U, 7U, 15U, 16U, 30U}) {
    std::vector<float> query(32, 1.0F);
    std::vector<float> row(32, 2.0F);
    const RowView view{reinterpret_cast<const std::byte*>(row.data()), 128, 32, 1};
    const std::uint32_t slot = 0;
    for (const auto& op : kernels().score[0]) {
      float score = 0;
      row[at] = std::numeric_limits<float>::quiet_NaN();
      op({.values = query.data()}, view, &slot, 1, &score);
      EXPECT_TRUE(std::isnan(score));
      row[at] = std::numeric_limits<float>::infinity();
      op({.values = query.data()}, view, &slot, 1, &score);
      EXPECT_TRUE(std::isinf(score));
      row[at] = 2.0F;
    }
  }
}

TEST_P(KernelTest, DenormalsAreNotFlushed) {
  std::vector<float> query(16, 0.0F);
  std::vector<float> row(16, 0.0F);
  query[3] = 1.0F;
  row[3] = std::numeric_limits<float>::denorm_min();
  const RowView view{reinterpret_cast<const std::byte*>(row.data()), 64, 16, 1};
  const std::uint32_t slot = 0;
  float score = 0;
  kernels().score[0][0]({.values = query.data()}, view, &slot, 1, &score);
  EXPECT_EQ(score, -std::numeric_limits<float>::denorm_min());
}

TEST_P(KernelTest, EveryHalfDecodesToItsValue) {
  std::vector<std::uint16_t> halves(65536);
  std::iota(halves.begin(), halves.end(), std::uint16_t{0});
  std::vector<float> values(halves.size());
  kernels().from_half(halves.data(), values.data(), values.size());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const double expected = half_value(halves[i]);
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(values[i])) << i;
    else
      EXPECT_EQ(static_cast<double>(values[i]), expected) << i;
  }
}

TEST_P(KernelTest, HalvesAreTheNearestWithTiesToEven) {
  std::vector<float> values = test::random_floats(4096, 3);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::ldexp(values[i], static_cast<int>(i % 60) - 34);
  for (const float special :
       {65504.0F, 65519.9F, 65520.0F, 1e30F, 0x1p-24F, 0x1p-25F, 0x1.8p-25F, 2049.0F, 2051.0F})
    values.push_back(special);
  values.resize(padded(values.size()));
  std::vector<std::uint16_t> halves(values.size());
  kernels().to_half(values.data(), halves.data(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double got = half_value(halves[i]);
    const double value = values[i];
    if (std::fabs(value) >= 65520) {
      EXPECT_TRUE(std::isinf(got)) << value;
      continue;
    }
    const auto magnitude = static_cast<std::uint16_t>(halves[i] & 0x7FFF);
    for (const int step : {-1, 1}) {
      if ((magnitude == 0 && step < 0) || magnitude + step >= 0x7C00) continue;
      const double other = half_value(static_cast<std::uint16_t>(halves[i] + step));
      const double error = std::fabs(got - value);
      EXPECT_LE(error, std::fabs(other - value)) << value;
      if (error == std::fabs(other - value)) {
        EXPECT_EQ(halves[i] & 1, 0) << value;
      }
    }
  }
}

TEST_P(KernelTest, TilesMatchADoubleReference) {
  const std::size_t width = kernels().tile_queries;
  for (const std::size_t dim : {1U, 16U, 100U, 112U, 256U, 257U, 784U}) {
    for (const std::size_t rows : {0U, 1U, 5U, 6U, 7U, 13U, 29U}) {
      const auto x = test::random_floats(rows * dim, 11);
      const auto panel = test::random_floats(dim * width, 12);
      std::vector<float> products(rows * width + 1, 99.0F);
      kernels().tile({x.data(), dim, rows, dim, panel.data()}, products.data());
      EXPECT_EQ(products.back(), 99.0F);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t q = 0; q < width; ++q) {
          double exact = 0;
          double magnitude = 0;
          for (std::size_t d = 0; d < dim; ++d) {
            const double product = 1.0 * x[r * dim + d] * panel[d * width + q];
            exact += product;
            magnitude += std::fabs(product);
          }
          EXPECT_NEAR(products[r * width + q], exact,
                      magnitude * std::ldexp(static_cast<double>(dim) + 4.0, -24));
        }
      }
    }
  }
}

TEST_P(KernelTest, DirectionsHaveTheValuesOfTheVector) {
  constexpr float length = 32000;
  for (const std::size_t count : {16U, 32U, 48U, 112U}) {
    const auto x = test::random_floats(count, 21);
    const auto other = test::random_floats(count, 22);
    std::vector<std::int16_t> steps(count + 1, 7);
    std::vector<std::int16_t> other_steps(count);
    const Direction way = kernels().direction(x.data(), count, length, steps.data());
    const Direction other_way =
        kernels().direction(other.data(), count, length, other_steps.data());
    EXPECT_EQ(steps.back(), 7);
    double square = 0;
    double product = 0;
    double sum = 0;
    for (std::size_t d = 0; d < count; ++d) {
      square += 1.0 * x[d] * x[d];
      product += 1.0 * x[d] * other[d];
      sum += 1.0 * steps[d] * other_steps[d];
    }
    EXPECT_NEAR(way.square, square, 1e-5 * square);
    EXPECT_NEAR(way.step, std::sqrt(square) / length, 1e-5 * way.step);
    // Each value in a place that all vectors have alike.
    std::vector<float> values(x.begin(), x.end());
    std::vector<float> stepped(count);
    for (std::size_t d = 0; d < count; ++d) stepped[d] = way.step * steps[d];
    std::sort(values.begin(), values.end());
    std::sort(stepped.begin(), stepped.end());
    for (std::size_t d = 0; d < count; ++d) EXPECT_NEAR(stepped[d], values[d], .51F * way.step);
    EXPECT_NEAR(sum * way.step * other_way.step, product,
                1.1 * std::sqrt(count) / length * length * length * way.step * other_way.step);
  }
  std::vector<float> none(16, 1e-20F);
  std::vector<std::int16_t> steps(16, 7);
  EXPECT_EQ(kernels().direction(none.data(), 16, length, steps.data()).step, 0.0F);
  EXPECT_EQ(steps, std::vector<std::int16_t>(16));
}

TEST_P(KernelTest, StepTilesAreExactSumsAndReportHits) {
  const std::size_t width = kernels().tile_queries;
  std::mt19937 random(15);
  const auto steps = [&](std::size_t count) {
    std::vector<std::int16_t> made(count);
    for (auto& value : made)
      value = static_cast<std::int16_t>(static_cast<int>(random() % 2001) - 1000);
    return made;
  };
  for (const std::size_t dim : {2U, 16U, 112U, 512U, 514U, 1100U}) {
    for (const std::size_t rows : {0U, 1U, 7U, 8U, 9U, 29U}) {
      const auto x = steps(rows * dim);
      const auto panel = steps(dim * width);
      const auto gains = test::random_floats(rows, 12);
      const auto bias = test::random_floats(rows, 13);
      const auto scales = test::random_floats(width, 14);
      const auto slacks = test::random_floats(width, 15);
      const auto limits = test::random_floats(width, 16);
      std::vector<std::int32_t> sums(rows * width + 1, 55);
      std::vector<float> scores(rows * width + 1, 99.0F);
      std::vector<std::uint32_t> hits(rows + 1, 77U);
      kernels().step_tile({x.data(), dim, rows, dim, panel.data(), gains.data(), bias.data(),
                           scales.data(), slacks.data(), limits.data(), sums.data()},
                          scores.data(), hits.data());
      EXPECT_EQ(sums.back(), 55);
      EXPECT_EQ(scores.back(), 99.0F);
      EXPECT_EQ(hits.back(), 77U);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t q = 0; q < width; ++q) {
          std::int64_t sum = 0;
          for (std::size_t d = 0; d < dim; ++d)
            sum += std::int64_t{x[r * dim + d]} * panel[(d / 2 * width + q) * 2 + d % 2];
          const double scaled = 1.0 * scales[q] * static_cast<double>(sum);
          const double exact = bias[r] + gains[r] * (scaled - slacks[q]);
          const double magnitude =
              std::fabs(bias[r]) + std::fabs(gains[r]) * (std::fabs(scaled) + std::fabs(slacks[q]));
          const float score = scores[r * width + q];
          EXPECT_NEAR(score, exact, magnitude * 0x1p-21);
          EXPECT_EQ((hits[r] >> q) & 1U, score <= limits[q] ? 1U : 0U);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, KernelTest, ::testing::ValuesIn(simd_levels),
                         [](const auto& param_info) {
                           return std::string(name(param_info.param));
                         });

}  // namespace
}  // namespace vecinal::kernels
