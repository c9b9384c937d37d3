#include "transform/prepare.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace vecinal {
namespace {

TEST(PrepareRow, CosineRowsHaveUnitLengthAtAnyScale) {
  for (const float scale : {1e-38F, 1e-40F, 1.0F, 1e37F}) {
    const std::vector<float> row = {3 * scale, -4 * scale, 0, 0, 0};
    std::vector<float> out(5, 9.0F);
    const Prepared prepared = prepare_row(Metric::cosine, row.data(), 5, out.data());
    EXPECT_EQ(prepared.fault, RowFault::none);
    // Denormals carry few bits; the direction is that of the rounded values.
    EXPECT_NEAR(std::hypot(out[0], out[1]), 1.0, 1e-6) << scale;
  }
}

TEST(PrepareRow, FaultsAreNamed) {
  std::vector<float> out(3);
  const auto fault = [&](Metric metric, std::vector<float> row) {
    return prepare_row(metric, row.data(), row.size(), out.data()).fault;
  };
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(fault(Metric::l2, {1, inf, 0}), RowFault::not_finite);
  EXPECT_EQ(fault(Metric::l2, {1, 0, -std::numeric_limits<float>::quiet_NaN()}),
            RowFault::not_finite);
  EXPECT_EQ(fault(Metric::cosine, {0, 0, 0}), RowFault::zero);
  EXPECT_EQ(fault(Metric::l2, {0, 0, 0}), RowFault::none);
  EXPECT_EQ(fault(Metric::inner_product, {1e19F, 0, 0}), RowFault::too_long);
  EXPECT_EQ(fault(Metric::cosine, {3e38F, 3e38F, 0}), RowFault::none);
}

}  // namespace
}  // namespace vecinal
