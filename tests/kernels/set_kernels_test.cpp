// Kernels of sets of vectors: the greatest products.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/dispatch.hpp"
#include "support/random.hpp"

namespace vecinal::kernels {
namespace {

constexpr float lowest = -std::numeric_limits<float>::infinity();

class SetKernelTest : public ::testing::TestWithParam<SimdLevel> {
 protected:
  void SetUp() override {
    if (!supported(GetParam())) GTEST_SKIP() << name(GetParam()) << " is not on this CPU";
  }
  const KernelTable& kernels() const { return table(GetParam()); }
};

TEST_P(SetKernelTest, GreatestProductsAreThoseOfDoubles) {
  const std::size_t width = kernels().tile_queries;
  std::uint32_t seed = 0;
  for (const std::size_t dim : {1U, 2U, 15U, 16U, 17U, 127U, 300U})
    for (const std::size_t count : {0U, 1U, 2U, 5U, 6U, 7U, 12U, 13U, 29U}) {
      const std::size_t stride = dim + 3;
      const auto rows = test::random_floats(count * stride + 1, ++seed);
      const auto panel = test::random_floats(dim * width, ++seed);
      std::vector<float> best(width, lowest);
      best[0] = 1e6F;  // what is greater already stays
      const Ahead ahead{reinterpret_cast<const std::byte*>(rows.data()), 4 * rows.size()};
      kernels().raise_products({rows.data(), stride, count, dim, panel.data(), best.data(),
                                dim % 2 == 0 ? ahead : Ahead{}});
      EXPECT_EQ(best[0], 1e6F);
      for (std::size_t q = 1; q < width; ++q) {
        double greatest = -HUGE_VAL;
        double magnitude = 0;
        for (std::size_t r = 0; r < count; ++r) {
          double product = 0;
          for (std::size_t d = 0; d < dim; ++d) {
            const double term = static_cast<double>(rows[r * stride + d]) *
                                static_cast<double>(panel[d * width + q]);
            product += term;
            magnitude = std::max(magnitude, std::fabs(term));
          }
          greatest = std::max(greatest, product);
        }
        if (count == 0)
          EXPECT_EQ(best[q], lowest);
        else
          EXPECT_NEAR(best[q], greatest,
                      0x1p-23 * static_cast<double>(dim * dim) * magnitude + 1e-9);
      }
    }
}

TEST_P(SetKernelTest, GreatestProductsOfCodesAreThoseOfDoubles) {
  const std::size_t width = kernels().tile_queries;
  std::mt19937 random(7);
  for (const std::size_t dim : {2U, 32U, 34U, 128U, 416U})
    for (const std::size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 8U, 9U, 21U}) {
      const std::size_t stride = dim + 6;
      std::vector<std::int16_t> rows(count * stride + 1);
      for (auto& code : rows) code = static_cast<std::int16_t>(random() % 511);
      std::vector<std::int16_t> panel(dim * width);
      const auto most =
          static_cast<std::uint32_t>(std::min<std::size_t>(32767, max_step_sum / 2 / dim));
      for (auto& step : panel)
        step = static_cast<std::int16_t>(static_cast<int>(random() % (2 * most)) -
                                         static_cast<int>(most));
      std::vector<float> steps(count + 1);
      std::vector<float> offsets(count + 1);
      for (auto& step : steps) step = static_cast<float>(random() % 100) * 0x1p-10F;
      for (auto& offset : offsets) offset = static_cast<float>(random() % 600) - 400.0F;
      std::vector<float> sums(width);
      const auto query = [&](std::size_t q, std::size_t d) {
        return static_cast<double>(panel[(d / 2 * width + q) * 2 + d % 2]);
      };
      for (std::size_t q = 0; q < width; ++q) {
        double sum = 0;
        for (std::size_t d = 0; d < dim; ++d) sum += query(q, d);
        sums[q] = static_cast<float>(sum);
      }
      std::vector<float> best(width, lowest);
      kernels().raise_code_products({rows.data(), stride, count, dim, panel.data(), steps.data(),
                                     offsets.data(), sums.data(), best.data()});
      for (std::size_t q = 0; q < width; ++q) {
        double greatest = -HUGE_VAL;
        double size = 0;
        for (std::size_t r = 0; r < count; ++r) {
          double product = 0;
          for (std::size_t d = 0; d < dim; ++d)
            product += static_cast<double>(steps[r]) *
                       (rows[r * stride + d] + static_cast<double>(offsets[r])) * query(q, d);
          greatest = std::max(greatest, product);
          size = std::max(
              size, static_cast<double>(steps[r]) * 1000 * std::fabs(static_cast<double>(sums[q])) +
                        static_cast<double>(steps[r]) * 0x1p31);
        }
        if (count == 0)
          EXPECT_EQ(best[q], lowest);
        else
          EXPECT_NEAR(best[q], greatest, 0x1p-22 * size);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(AllLevels, SetKernelTest, ::testing::ValuesIn(simd_levels),
                         [](const auto& level) { return std::string(name(level.param)); });

}  // namespace
}  // namespace vecinal::kernels
