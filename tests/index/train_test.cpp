#include "index/train.hpp"

#include <gtest/gtest.h>

namespace vecinal {
namespace {

TEST(SampleLimit, BoundsTheMemoryThatStatisticsOfLongVectorsTake) {
  EXPECT_EQ(sample_limit({.dim = 96}), 20'000U);
  EXPECT_EQ(sample_limit({.dim = 1536}), (std::size_t{1} << 24U) / 1536);
  EXPECT_EQ(sample_limit({.dim = 65'536}), 2'000U);
  EXPECT_EQ(sample_limit({.dim = 1536, .reduction = Reduction::prefix}),
            sample_limit({.dim = 1536}));
}

TEST(SampleLimit, IsTenVectorsForADimensionOfACovariance) {
  for (const Reduction reduction : {Reduction::pca, Reduction::leanvec_ood}) {
    EXPECT_EQ(sample_limit({.dim = 96, .reduction = reduction}), 20'000U);
    EXPECT_EQ(sample_limit({.dim = 3072, .reduction = reduction}), 30'720U);
    EXPECT_EQ(sample_limit({.dim = 65'536, .reduction = reduction}), 100'000U);
  }
}

}  // namespace
}  // namespace vecinal
