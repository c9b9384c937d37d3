#include "transform/rotation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "support/random.hpp"

namespace vecinal {
namespace {

constexpr std::size_t dims[] = {1, 2, 32, 64, 96, 128, 384, 800, 960};

std::vector<float> rotated(const Rotation& rotation, std::vector<float> vector) {
  rotation.apply(vector.data());
  return vector;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(
      a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
      [](float x, float y) { return static_cast<double>(x) * static_cast<double>(y); });
}

double length(const std::vector<float>& a) { return std::sqrt(dot(a, a)); }

/// How far a rotated vector can be off, as a share of its length: four transforms, each of log2
/// stages that round every value once, and of a scale that is rounded and rounds. Stages keep
/// lengths but for a factor that the last scale undoes, so their shares add up.
double rounding(std::size_t dim) {
  const double stages = static_cast<double>(std::bit_width(std::bit_floor(dim)) - 1);
  return 4 * (stages + 2) * 0x1p-24 * 1.001;  // the squares of 2^-24
}

TEST(Rotation, KeepsLengthsAndInnerProducts) {
  for (const std::size_t dim : dims) {
    const Rotation rotation(dim, 5);
    for (std::uint32_t seed = 0; seed < 10; ++seed) {
      const auto a = test::random_floats(dim, seed);
      const auto b = test::random_floats(dim, seed + 100);
      const auto x = rotated(rotation, a);
      const auto y = rotated(rotation, b);
      EXPECT_NEAR(length(x), length(a), rounding(dim) * length(a)) << dim;
      EXPECT_NEAR(dot(x, y), dot(a, b), 2.001 * rounding(dim) * length(a) * length(b)) << dim;
    }
  }
}

TEST(Rotation, UndoInvertsApplyAndApplyInvertsUndo) {
  for (const std::size_t dim : dims) {
    const Rotation rotation(dim, 6);
    const auto before = test::random_floats(dim, 1);
    auto there = rotated(rotation, before);
    rotation.undo(there.data());
    auto back = before;
    rotation.undo(back.data());
    rotation.apply(back.data());
    for (const auto& after : {there, back}) {
      std::vector<float> difference(dim);
      std::transform(after.begin(), after.end(), before.begin(), difference.begin(),
                     std::minus<>());
      // Two rotations, and the difference of float32 values itself.
      EXPECT_LE(length(difference), (2 * rounding(dim) + 0x1p-24) * length(before)) << dim;
    }
  }
}

TEST(Rotation, IsLinear) {
  for (const std::size_t dim : dims) {
    const Rotation rotation(dim, 7);
    const auto vector = test::random_floats(dim, 2);
    auto doubled = vector;
    for (float& value : doubled) value *= -2;
    auto expected = rotated(rotation, vector);
    for (float& value : expected) value *= -2;  // exact in binary
    EXPECT_EQ(rotated(rotation, doubled), expected) << dim;
    EXPECT_EQ(rotated(rotation, std::vector<float>(dim, 0.0F)), std::vector<float>(dim, 0.0F));
  }
}

TEST(Rotation, SameSeedGivesTheSameBitsAndAnotherSeedOtherValues) {
  for (const std::size_t dim : {32U, 64U, 96U, 128U, 384U, 800U}) {
    const auto vector = test::random_floats(dim, 3);
    std::set<std::vector<float>> different;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto first = rotated(Rotation(dim, seed), vector);
      EXPECT_EQ(rotated(Rotation(dim, seed), vector), first) << dim;
      different.insert(first);
    }
    EXPECT_EQ(different.size(), 20U) << dim;
    EXPECT_EQ(different.count(vector), 0U) << dim;
  }
}

/// A value is the last transform's sum over its block: random signs times values whose squares sum
/// to at most 1, over sqrt(block). Hoeffding: P(|value| > t) <= 2 exp(-t^2 block / 2). The limit
/// leaves a chance of 1e-6 to all values of all spikes together.
TEST(Rotation, SpreadsAUnitVectorOverItsValues) {
  for (const std::size_t dim : {32U, 64U, 96U, 128U, 384U, 800U}) {
    const Rotation rotation(dim, 7);
    const double values = static_cast<double>(dim * dim);
    const double limit =
        std::sqrt(2 * std::log(2 * values / 1e-6) / static_cast<double>(std::bit_floor(dim)));
    double largest = 0;
    for (std::size_t at = 0; at < dim; ++at) {
      std::vector<float> spike(dim, 0.0F);
      spike[at] = 1;
      for (const float value : rotated(rotation, spike))
        largest = std::max(largest, std::fabs(static_cast<double>(value)));
    }
    EXPECT_LT(largest, limit) << dim;
    EXPECT_GE(largest, 1 / std::sqrt(static_cast<double>(dim))) << dim;  // or the length is lost
  }
}

/// Each transform spreads the energy of its block evenly, on average over the signs: what that
/// leaves of a spike in every third of the values is known.
TEST(Rotation, LeavesNoPartOfTheValuesEmpty) {
  constexpr int seeds = 200;
  for (const std::size_t dim : {32U, 64U, 96U, 128U, 384U, 800U}) {
    const std::size_t block = std::bit_floor(dim);
    for (const std::size_t at : {std::size_t{0}, dim / 2, dim - 1}) {
      std::vector<double> expected(dim, 0.0);
      expected[at] = 1;
      for (int round = 0; round < 4; ++round) {
        const auto first = expected.begin() + static_cast<long>(round % 2 == 0 ? 0 : dim - block);
        const auto last = first + static_cast<long>(block);
        std::fill(first, last, std::accumulate(first, last, 0.0) / static_cast<double>(block));
      }
      std::vector<float> spike(dim, 0.0F);
      spike[at] = 1;
      std::vector<double> found(dim, 0.0);
      for (int seed = 0; seed < seeds; ++seed) {
        const auto spread = rotated(Rotation(dim, static_cast<std::uint64_t>(seed)), spike);
        for (std::size_t d = 0; d < dim; ++d)
          found[d] += static_cast<double>(spread[d]) * static_cast<double>(spread[d]) / seeds;
      }
      // Squares of sums of random signs deviate by at most sqrt(2) of their mean (fourth moment
      // <= 3), their mean over the seeds by sqrt(2 / seeds); six deviations.
      for (std::size_t d = 0; d < dim; ++d)
        ASSERT_NEAR(found[d], expected[d], 6 * std::sqrt(2.0 / seeds) * expected[d])
            << dim << " dims, spike at " << at << ", value " << d;
    }
  }
}

TEST(Rotation, OfNoDimensionsDoesNothing) {
  auto vector = test::random_floats(8, 1);
  const auto before = vector;
  const Rotation none;
  EXPECT_TRUE(none.identity());
  EXPECT_FALSE(Rotation(32, 1).identity());
  none.apply(vector.data());
  none.undo(vector.data());
  EXPECT_EQ(vector, before);
}

}  // namespace
}  // namespace vecinal
