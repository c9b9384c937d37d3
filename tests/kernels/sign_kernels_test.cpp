// Kernels of fused rows: sums over signs by table lookups, and scans of unsorted scores.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/aligned_array.hpp"
#include "kernels/dispatch.hpp"
#include "support/random.hpp"

namespace vecinal::kernels {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

class SignKernelTest : public ::testing::TestWithParam<SimdLevel> {
 protected:
  void SetUp() override {
    if (!supported(GetParam())) GTEST_SKIP() << name(GetParam()) << " is not on this CPU";
  }
  const KernelTable& kernels() const { return table(GetParam()); }
};

/// `rows` vectors with zeros behind them, as kernels take them.
std::vector<float> padded_floats(std::size_t rows, std::size_t dim, std::uint32_t seed) {
  std::vector<float> values(rows * padded(dim));
  for (std::size_t row = 0; row < rows; ++row) {
    const auto random = test::random_floats(dim, seed + static_cast<std::uint32_t>(100 * row));
    std::copy(random.begin(), random.end(),
              values.begin() + static_cast<std::ptrdiff_t>(row * padded(dim)));
  }
  return values;
}

/// 32 vectors about a centre, and what pack_signs makes of them.
struct Packed {
  Packed(const KernelTable& kernels, std::size_t dims, std::uint32_t seed)
      : dim(dims),
        stride(padded(dims)),
        centre(padded_floats(1, dims, seed)),
        vectors(padded_floats(sign_lanes, dims, seed + 1)),
        signs(4 * dims + guard, untouched),
        sums(sign_lanes) {
    // Equal values count as not greater.
    for (std::size_t k = 0; k < sign_lanes; k += 3) vectors[k * stride + k % dim] = centre[k % dim];
    for (std::size_t k = 0; k < sign_lanes; ++k)
      kernels.pack_signs(centre.data(), vectors.data() + k * stride, dim, k, signs.data(),
                         &sums[k]);
  }
  [[nodiscard]] double sign(std::size_t k, std::size_t d) const {
    return vectors[k * stride + d] > centre[d] ? 1 : -1;
  }

  static constexpr std::size_t guard = 128;
  static constexpr std::uint8_t untouched = 0xA5;
  std::size_t dim;
  std::size_t stride;
  std::vector<float> centre;
  std::vector<float> vectors;
  std::vector<std::uint8_t> signs;
  std::vector<SignedSum> sums;
};

constexpr std::size_t dims[] = {4,  8,  12, 16, 20, 24,  28,  32,  36,  44,  48,
                                52, 56, 60, 64, 96, 100, 160, 388, 512, 784, 4096};

TEST_P(SignKernelTest, PackedSumsAreThoseOfDoublesAndTheSameBitsEverywhere) {
  for (const std::size_t dim : dims) {
    const Packed packed(kernels(), dim, 1);
    const Packed scalar(table(SimdLevel::scalar), dim, 1);
    EXPECT_EQ(packed.signs, scalar.signs);
    EXPECT_TRUE(std::all_of(packed.signs.begin() + static_cast<std::ptrdiff_t>(4 * dim),
                            packed.signs.end(),
                            [](std::uint8_t byte) { return byte == Packed::untouched; }));
    for (std::size_t k = 0; k < sign_lanes; ++k) {
      double square = 0;
      double magnitude = 0;
      double product = 0;
      double signed_centre = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        const double c = packed.centre[d];
        const double rest = packed.vectors[k * packed.stride + d] - c;
        square += rest * rest;
        magnitude += std::fabs(rest);
        product += c * rest;
        signed_centre += c * packed.sign(k, d);
      }
      const double rounding = 1e-6 * static_cast<double>(dim);
      EXPECT_NEAR(packed.sums[k].square, square, rounding * 4);
      EXPECT_NEAR(packed.sums[k].magnitude, magnitude, rounding * 4);
      EXPECT_NEAR(packed.sums[k].product, product, rounding * 4);
      EXPECT_NEAR(packed.sums[k].signed_centre, signed_centre, rounding * 4);
      EXPECT_EQ(packed.sums[k].square, scalar.sums[k].square);
      EXPECT_EQ(packed.sums[k].signed_centre, scalar.sums[k].signed_centre);
    }
  }
}

TEST_P(SignKernelTest, EstimatesAreOffByTheRoundingOfTheTable) {
  for (const std::size_t dim : dims) {
    const Packed packed(kernels(), dim, 3);
    const auto query = padded_floats(1, dim, 5);
    std::vector<std::uint8_t> entries(4 * dim);
    SignQuery signs;
    kernels().sign_table(query.data(), dim, &signs, entries.data());
    std::vector<float> offsets = test::random_floats(sign_lanes, 6);
    std::vector<std::uint16_t> halves(sign_lanes);
    kernels().to_half(offsets.data(), halves.data(), sign_lanes);
    kernels().from_half(halves.data(), offsets.data(), sign_lanes);
    std::vector<std::uint8_t> factors(sign_lanes);
    for (std::size_t k = 0; k < sign_lanes; ++k) factors[k] = static_cast<std::uint8_t>(8 * k + 7);
    constexpr float offset_unit = 0.25F;
    constexpr float factor_unit = -0.0078125F;
    constexpr float base = 3;
    // Nothing beyond the signs and the table is read: there is nothing.
    const std::vector<std::uint8_t> alone(packed.signs.data(), packed.signs.data() + 4 * dim);
    const auto* ahead = reinterpret_cast<const std::byte*>(packed.signs.data());
    std::vector<float> scores(sign_lanes);
    const std::uint32_t below = kernels().estimate(
        signs, {alone.data(), halves.data(), factors.data(), offset_unit, factor_unit, ahead}, base,
        base, scores.data());
    // An entry is rounded to the nearest gap, after its terms were to 1 / 256 of one.
    const double entry_error = (0.5 + 5.0 / 256) * signs.gap;
    for (std::size_t k = 0; k < sign_lanes; ++k) {
      double product = 0;
      double magnitude = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        product += static_cast<double>(query[d]) * packed.sign(k, d);
        magnitude += std::fabs(static_cast<double>(query[d]));
      }
      const double factor = static_cast<double>(factor_unit) * factors[k];
      const double expected = base + offset_unit * offsets[k] + factor * product;
      const double allowed =
          std::fabs(factor) * (entry_error * static_cast<double>(dim) / 4 + 1e-6 * magnitude) +
          1e-5;
      EXPECT_NEAR(scores[k], expected, allowed) << dim << " " << k;
      EXPECT_EQ((below >> k) & 1U, scores[k] <= base ? 1U : 0U);
    }
  }
}

TEST_P(SignKernelTest, TablesAreTheSameEverywhereAndOfNothingAreZero) {
  for (const std::size_t dim : dims)
    for (const float size : {0.0F, 1e-35F, 1e-20F, 1.0F, 1e18F}) {
      auto query = padded_floats(1, dim, 9);
      for (float& value : query) value *= size;
      std::vector<std::uint8_t> entries(4 * dim);
      std::vector<std::uint8_t> expected(4 * dim);
      SignQuery signs;
      SignQuery scalar;
      kernels().sign_table(query.data(), dim, &signs, entries.data());
      table(SimdLevel::scalar).sign_table(query.data(), dim, &scalar, expected.data());
      EXPECT_EQ(entries, expected);
      EXPECT_EQ(signs.gap, scalar.gap);
      EXPECT_EQ(signs.origin, scalar.origin);
      for (const std::uint8_t entry : entries) EXPECT_LT(entry, 64);
      if (size < 1e-30F)
        EXPECT_EQ(signs.gap, 0.0F);
      else
        EXPECT_GT(signs.gap, 0.0F);
    }
}

TEST_P(SignKernelTest, ScansFindTheLeastCountAndKeep) {
  std::mt19937 random(11);
  for (const std::size_t count : {1U, 2U, 15U, 16U, 17U, 31U, 100U, 257U}) {
    AlignedFloats scores(padded(count) + row_padding);
    std::vector<std::uint32_t> nodes(padded(count));
    for (std::size_t i = 0; i < count; ++i) {
      scores.data()[i] = static_cast<float>(static_cast<int>(random() % 50)) - 25.0F;
      nodes[i] = static_cast<std::uint32_t>(i);
    }
    std::fill_n(scores.data() + count, row_padding, infinity);
    const std::vector<float> before(scores.data(), scores.data() + count);
    const auto least = std::min_element(before.begin(), before.end());
    EXPECT_EQ(kernels().least_of(scores.data(), count),
              static_cast<std::size_t>(least - before.begin()));
    for (const float limit : {-30.0F, -3.0F, 0.0F, 24.0F}) {
      const auto expected = static_cast<std::size_t>(
          std::count_if(before.begin(), before.end(), [&](float s) { return s <= limit; }));
      EXPECT_EQ(kernels().count_up_to(scores.data(), count, limit), expected);
    }
    std::vector<std::uint32_t> expected;
    for (std::size_t i = 0; i < count; ++i)
      if (before[i] <= 0) expected.push_back(static_cast<std::uint32_t>(i));
    nodes.resize(kernels().keep_up_to(scores.data(), nodes.data(), count, 0.0F));
    EXPECT_EQ(nodes, expected);
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_EQ(scores.data()[i], before[expected[i]]);
  }
}

TEST_P(SignKernelTest, MagnitudesAreThoseOfDoublesAndTheSameBitsEverywhere) {
  for (const std::size_t count : {16U, 32U, 48U, 512U}) {
    const auto values = test::random_floats(count, 13);
    float most = 0;
    float sum = 0;
    float scalar_most = 0;
    float scalar_sum = 0;
    kernels().magnitudes(values.data(), count, &most, &sum);
    table(SimdLevel::scalar).magnitudes(values.data(), count, &scalar_most, &scalar_sum);
    double expected = 0;
    float greatest = 0;
    for (const float value : values) {
      expected += std::fabs(static_cast<double>(value));
      greatest = std::max(greatest, std::fabs(value));
    }
    EXPECT_EQ(most, greatest);
    EXPECT_NEAR(sum, expected, 1e-6 * expected * static_cast<double>(count));
    EXPECT_EQ(sum, scalar_sum);
    EXPECT_EQ(most, scalar_most);
  }
}

INSTANTIATE_TEST_SUITE_P(AllLevels, SignKernelTest, ::testing::ValuesIn(simd_levels),
                         [](const auto& level) { return std::string(name(level.param)); });

}  // namespace
}  // namespace vecinal::kernels
