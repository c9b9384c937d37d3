// Kernels of panels of vectors: FDE encoding, step by step.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/dispatch.hpp"
#include "support/random.hpp"

namespace vecinal::kernels {
namespace {

class PanelKernelTest : public ::testing::TestWithParam<SimdLevel> {
 protected:
  void SetUp() override {
    if (!supported(GetParam())) GTEST_SKIP() << name(GetParam()) << " is not on this CPU";
  }
  const KernelTable& kernels() const { return table(GetParam()); }
};

TEST_P(PanelKernelTest, RowsBecomeColumns) {
  for (const std::size_t rows : {8U, 32U})
    for (const std::size_t columns : {8U, 16U, 40U}) {
      const auto from = test::random_floats(rows * (columns + 3), 5);
      std::vector<float> to(columns * (rows + 5), 7.0F);
      kernels().transpose({from.data(), columns + 3, rows, columns, to.data(), rows + 5});
      for (std::size_t c = 0; c < columns; ++c)
        for (std::size_t r = 0; r < rows + 5; ++r)
          ASSERT_EQ(to[c * (rows + 5) + r], r < rows ? from[r * (columns + 3) + c] : 7);
    }
}

TEST_P(PanelKernelTest, StepsAreCentredDirections) {
  constexpr std::size_t dim = 18;
  constexpr float length = 1000;
  for (const std::size_t lanes : {1U, 7U, 8U, 9U, 31U, 32U})
    for (const bool in_place : {false, true}) {
      auto panel = test::random_floats(dim * set_lanes, 3);
      const auto mean = test::random_floats(dim, 4);
      const auto scale = [&](std::size_t lane, float by) {
        for (std::size_t d = 0; d < dim; ++d)
          panel[d * set_lanes + lane] = mean[d] + by * panel[d * set_lanes + lane];
      };
      scale(0, 0);  // no direction
      scale(2, 1e10F);
      const auto before = panel;
      std::vector<float> centred(panel.size());
      std::vector<std::int16_t> steps(panel.size(), 7);
      float* to = in_place ? panel.data() : centred.data();
      EXPECT_TRUE(
          kernels().panel_steps({panel.data(), mean.data(), dim, lanes, length, to, steps.data()}));
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        double squares = 0;
        for (std::size_t d = 0; d < dim; ++d) {
          const float value = before[d * set_lanes + lane] - mean[d];
          ASSERT_EQ(to[d * set_lanes + lane], value);
          squares += static_cast<double>(value) * static_cast<double>(value);
        }
        for (std::size_t d = 0; d < dim; ++d) {
          const double exact = squares == 0 ? 0
                                            : static_cast<double>(to[d * set_lanes + lane]) *
                                                  static_cast<double>(length) / std::sqrt(squares);
          ASSERT_NEAR(steps[(d / 2 * set_lanes + lane) * 2 + d % 2], exact, 0.501);
        }
      }
    }
}

TEST_P(PanelKernelTest, UnusualVectorsAreReported) {
  constexpr std::size_t dim = 4;
  const std::vector<float> mean(dim, 0.0F);
  for (const float value : {1e19F, -1e38F, std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()})
    for (const std::size_t lane : {0U, 6U, 20U}) {
      std::vector<float> panel(dim * set_lanes, 1.0F);
      panel[2 * set_lanes + lane] = value;
      std::vector<std::int16_t> steps(panel.size());
      EXPECT_FALSE(kernels().panel_steps(
          {panel.data(), mean.data(), dim, lane + 1, 100, panel.data(), steps.data()}));
    }
}

TEST_P(PanelKernelTest, CellsAreTheSignsOfExactProducts) {
  std::mt19937 random(11);
  for (const std::size_t k_sim : {1U, 5U, 10U})
    for (const std::size_t repetitions : {1U, 3U})
      for (const std::size_t lanes : {1U, 8U, 17U, 32U}) {
        constexpr std::size_t dim = 6;
        constexpr std::size_t stride = 9;
        constexpr std::int32_t doubt = 300;
        std::vector<std::int16_t> planes(repetitions * k_sim * stride);
        std::vector<std::int16_t> panel(dim * set_lanes);
        for (auto* values : {&planes, &panel})
          for (auto& value : *values) value = static_cast<std::int16_t>(random() % 41 - 20);
        std::vector<std::int32_t> cells(repetitions * set_lanes, -1);
        std::vector<std::uint32_t> doubts(repetitions * k_sim, ~0U);
        kernels().find_cells(
            {planes.data(), stride, dim, repetitions, k_sim, panel.data(), lanes, doubt},
            cells.data(), doubts.data());
        for (std::size_t plane = 0; plane < repetitions * k_sim; ++plane)
          for (std::size_t lane = 0; lane < lanes; ++lane) {
            int product = 0;
            for (std::size_t d = 0; d < dim; ++d)
              product += planes[plane * stride + d] * panel[(d / 2 * set_lanes + lane) * 2 + d % 2];
            const int cell = cells[plane / k_sim * set_lanes + lane];
            ASSERT_EQ(cell >> plane % k_sim & 1, product > 0 ? 1 : 0);
            ASSERT_LT(cell, 1 << k_sim);
            ASSERT_EQ(doubts[plane] >> lane & 1, std::abs(product) <= doubt ? 1 : 0);
          }
      }
}

TEST_P(PanelKernelTest, SignedSumsAreTheSameBitsEverywhere) {
  std::mt19937 random(9);
  for (const std::size_t dim : {1U, 8U, 33U}) {
    const auto panel = test::random_floats(dim * set_lanes, static_cast<std::uint32_t>(dim));
    for (const std::size_t count : {1U, 3U, 16U})
      for (const std::size_t lanes : {1U, 8U, 9U, 16U, 17U, 32U}) {
        std::vector<std::uint32_t> dims;
        std::vector<std::uint32_t> ends;
        for (std::size_t i = 0; i < 2 * count; ++i) {
          for (std::size_t n = random() % 4; n > 0; --n)
            dims.push_back(static_cast<std::uint32_t>(random() % dim));
          ends.push_back(static_cast<std::uint32_t>(dims.size()));
        }
        std::vector<float> sums(count * set_lanes, 7.0F);
        kernels().signed_sums({panel.data(), lanes, dims.data(), ends.data(), count}, sums.data());
        for (std::size_t i = 0; i < count; ++i)
          for (std::size_t lane = 0; lane < lanes; ++lane) {
            float sum = 0;
            std::size_t at = i == 0 ? 0 : ends[2 * i - 1];
            for (; at < ends[2 * i]; ++at) sum += panel[dims[at] * set_lanes + lane];
            for (; at < ends[2 * i + 1]; ++at) sum -= panel[dims[at] * set_lanes + lane];
            ASSERT_EQ(sums[i * set_lanes + lane], sum);
          }
      }
  }
}

/// Sums, sizes and firsts of a set that comes in two parts, and the means of them.
TEST_P(PanelKernelTest, MeansOfCellsAreTheirDefinition) {
  constexpr std::size_t cells = 8;
  constexpr std::size_t place_stride = 3;
  constexpr std::size_t count = 13;
  std::mt19937 random(13);
  for (const std::size_t width : {1U, 5U, 16U, 21U}) {
    const std::size_t stride = width + 2;
    const auto values = test::random_floats(count * stride, 17);
    std::vector<std::int32_t> of(count);
    for (auto& cell : of) cell = static_cast<std::int32_t>(random() % 5 + 1);
    std::vector<float> sums(cells * width, 0.0F);
    std::vector<std::uint32_t> sizes(cells, 0);
    std::vector<float> firsts((cells + 1) * width);
    std::vector<std::int16_t> places(cells * place_stride, no_place);
    std::int16_t met = 0;
    for (const auto& [begin, end] : {std::pair<std::size_t, std::size_t>{0, 4}, {4, count}})
      kernels().add_to_cells({values.data() + begin * stride, stride, of.data() + begin,
                              end - begin, width, sums.data(), sizes.data(), firsts.data(),
                              places.data(), place_stride, &met});
    std::vector<float> counted(cells * width, 0.0F);
    kernels().add_to_cells({values.data(), stride, of.data(), count, width, counted.data()});
    EXPECT_EQ(counted, sums);

    std::vector<std::int32_t> order;  // of cells, as they are met
    std::vector<float> expected(cells * width, 0.0F);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t p = 0; p < width; ++p)
        expected[static_cast<std::size_t>(of[i]) * width + p] += values[i * stride + p];
      if (std::find(order.begin(), order.end(), of[i]) != order.end()) continue;
      ASSERT_EQ(places[static_cast<std::size_t>(of[i]) * place_stride],
                static_cast<int>(order.size()));
      for (std::size_t p = 0; p < width; ++p)
        ASSERT_EQ(firsts[order.size() * width + p], values[i * stride + p]);
      order.push_back(of[i]);
    }
    EXPECT_EQ(sums, expected);
    EXPECT_EQ(met, static_cast<int>(order.size()));

    // The empty ones take the second that was met, two steps away.
    for (std::size_t at = 0; at < cells; ++at)
      if (sizes[at] == 0) places[at * place_stride] = 2 * cell_step + 1;
    std::vector<float> means(cells * width, NAN);
    CellMeans task{sums.data(),  means.data(),  cells,         width,
                   sizes.data(), firsts.data(), places.data(), place_stride};
    kernels().cell_means(task);
    for (std::size_t at = 0; at < cells; ++at) {
      const auto size = std::count(of.begin(), of.end(), static_cast<std::int32_t>(at));
      ASSERT_EQ(sizes[at], size);
      for (std::size_t p = 0; p < width; ++p)
        ASSERT_EQ(means[at * width + p],
                  size == 0 ? firsts[width + p] : sums[at * width + p] / static_cast<float>(size));
    }
    task.firsts = nullptr;
    kernels().cell_means(task);
    EXPECT_TRUE(std::all_of(means.begin(), means.begin() + static_cast<std::ptrdiff_t>(width),
                            [](float value) { return value == 0; }));
  }
}

INSTANTIATE_TEST_SUITE_P(AllLevels, PanelKernelTest, ::testing::ValuesIn(simd_levels),
                         [](const auto& level) { return std::string(name(level.param)); });

}  // namespace
}  // namespace vecinal::kernels
