#include "core/random.hpp"

#include <gtest/gtest.h>

namespace vecinal {
namespace {

TEST(Random, PhiloxGivesThePublishedBits) {
  // Random123's known answers for philox4x32-10: counter 0, key 0 gives 6627e8d5 e169c58d bc57ac4c
  // 9b00dbd8.
  const auto drawn = r123::Philox4x32()({{0, 0, 0, 0}}, {{0, 0}});
  EXPECT_EQ(drawn[0], 0x6627e8d5U);
  EXPECT_EQ(drawn[3], 0x9b00dbd8U);
}

TEST(Random, StreamsAndCountersDiffer) {
  EXPECT_NE(random_bits(1, Stream::levels, 0), random_bits(1, Stream::shuffle, 0));
  EXPECT_NE(random_bits(1, Stream::levels, 0), random_bits(1, Stream::levels, 1));
  EXPECT_NE(random_bits(1, Stream::levels, 0), random_bits(2, Stream::levels, 0));
  EXPECT_EQ(random_bits(1, Stream::levels, 5), random_bits(1, Stream::levels, 5));
}

TEST(Random, UnitsAreAboveZeroAndUniform) {
  double sum = 0;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const double unit = random_unit(3, Stream::sample, i);
    EXPECT_GT(unit, 0.0);
    EXPECT_LE(unit, 1.0);
    sum += unit;
  }
  EXPECT_NEAR(sum / 10000, 0.5,
              5 * 0.2887 / 100);  // five standard errors of the mean of 10,000 uniforms
}

}  // namespace
}  // namespace vecinal
