#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/dispatch.hpp"
#include "support/random.hpp"

namespace vecinal::kernels {
namespace {

class CodeKernelTest : public ::testing::TestWithParam<SimdLevel> {
 protected:
  void SetUp() override {
    if (!supported(GetParam())) GTEST_SKIP() << name(GetParam()) << " is not on this CPU";
  }
  const KernelTable& kernels() const { return table(GetParam()); }
};

std::vector<std::size_t> dims() {
  std::vector<std::size_t> all;
  for (std::size_t dim = 1; dim <= 130; ++dim) all.push_back(padded_codes(dim));
  for (const std::size_t odd : {383U, 769U, 1537U, 4097U}) all.push_back(padded_codes(odd));
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

/// Rows of random codes behind random headers, and what they stand for.
struct CodeRows {
  unsigned bits;
  std::size_t dim;
  std::size_t stride;
  std::vector<std::byte> bytes;
  std::vector<std::vector<double>> values;

  CodeRows(unsigned width, std::size_t padded_dim, std::size_t count, std::uint32_t seed)
      : bits(width), dim(padded_dim), stride(sizeof(CodeHeader) + padded_dim * width / 8) {
    std::mt19937 random(seed);
    bytes.resize(count * stride);
    for (std::size_t i = 0; i < count; ++i) {
      const CodeHeader header{static_cast<std::uint16_t>(0x3C00 + random() % 256),
                              static_cast<std::int16_t>(static_cast<int>(random() % 600) - 400),
                              static_cast<float>(random() % 100) - 50.0F};
      std::byte* row = bytes.data() + i * stride;
      std::memcpy(row, &header, sizeof header);
      std::vector<double> value(dim);
      for (std::size_t d = 0; d < dim; ++d) {
        const auto code = static_cast<unsigned>(random() % (1U << bits));
        put(row + sizeof header, d, code);
        value[d] = step(header) * (2.0 * code + header.offset);
      }
      values.push_back(value);
    }
  }

  static double step(const CodeHeader& header) {
    const std::uint32_t wide = static_cast<std::uint32_t>(header.step) << 16U;
    float value = 0;
    std::memcpy(&value, &wide, sizeof value);
    return static_cast<double>(value);
  }
  [[nodiscard]] CodeHeader header(std::size_t i) const {
    CodeHeader found;
    std::memcpy(&found, bytes.data() + i * stride, sizeof found);
    return found;
  }
  void put(std::byte* codes, std::size_t d, unsigned code) const {
    if (bits == 8)
      codes[d] = static_cast<std::byte>(code);
    else
      codes[d / 32 * 16 + d % 16] |= static_cast<std::byte>(code << (d % 32 < 16 ? 0U : 4U));
  }
  [[nodiscard]] const std::uint8_t* codes(std::size_t i) const {
    return reinterpret_cast<const std::uint8_t*>(bytes.data() + i * stride + sizeof(CodeHeader));
  }
};

std::vector<std::int16_t> random_steps(std::size_t dim, int largest, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> any(-largest, largest);
  std::vector<std::int16_t> steps(dim);
  for (auto& step : steps) step = static_cast<std::int16_t>(any(random));
  return steps;
}

constexpr std::size_t count = 5;
constexpr float scale = -0.125F;
constexpr float constant = 3.5F;

std::vector<float> scores(const KernelTable& kernels, RowType type, const RowView& view,
                          const std::vector<std::int16_t>& steps) {
  const auto sum = static_cast<float>(std::accumulate(steps.begin(), steps.end(), 0));
  const std::vector<std::uint32_t> slots = {4, 0, 3, 1, 2};
  std::vector<float> out(count);
  kernels.score[static_cast<std::size_t>(type)][0](
      {.steps = steps.data(), .scale = scale, .sum = sum, .constant = constant}, view, slots.data(),
      count, out.data());
  std::vector<float> by_row(count);
  for (std::size_t i = 0; i < count; ++i) by_row[slots[i]] = out[i];
  return by_row;
}

/// The score in double, and how large its terms are.
std::pair<double, double> reference(const std::vector<std::int16_t>& steps,
                                    const std::vector<double>& row, double bias) {
  double product = 0;
  double magnitude = 0;
  for (std::size_t d = 0; d < steps.size(); ++d) {
    product += steps[d] * row[d];
    magnitude += std::fabs(steps[d] * row[d]);
  }
  return {static_cast<double>(constant) + bias + static_cast<double>(scale) * product, magnitude};
}

int largest_step(std::size_t dim) {
  return std::min(32766, static_cast<int>(static_cast<std::size_t>(max_step_sum) / dim));
}

TEST_P(CodeKernelTest, ScoresMatchADoubleReferenceAndTheScalarBits) {
  for (const std::size_t dim : dims()) {
    const auto steps = random_steps(dim, largest_step(dim), 7);
    for (const unsigned bits : {4U, 8U}) {
      const CodeRows rows(bits, dim, count, static_cast<std::uint32_t>(dim));
      const RowType type = bits == 8 ? RowType::lvq8 : RowType::lvq4;
      const RowView view{rows.bytes.data(), rows.stride, dim, 2, nullptr, 0};
      const auto found = scores(kernels(), type, view, steps);
      EXPECT_EQ(found, scores(table(SimdLevel::scalar), type, view, steps)) << dim;
      for (std::size_t i = 0; i < count; ++i) {
        const auto [exact, magnitude] =
            reference(steps, rows.values[i], static_cast<double>(rows.header(i).bias));
        // <steps, codes> is exact; six float32 roundings of terms no larger than those of codes and
        // offset apart, which the offset's share bounds.
        const double offset = std::fabs(rows.header(i).offset * CodeRows::step(rows.header(i)));
        const double terms = magnitude + 2 * offset * static_cast<double>(largest_step(dim)) *
                                             static_cast<double>(dim);
        EXPECT_NEAR(found[i], exact, 8 * 0x1p-24 * (terms * 0.125 + 100)) << dim << " " << bits;
      }
    }
  }
}

TEST_P(CodeKernelTest, TwoLevelsAreTheSumOfBoth) {
  const std::tuple<RowType, unsigned, unsigned> types[] = {
      {RowType::lvq4x4, 4, 4}, {RowType::lvq4x8, 4, 8}, {RowType::lvq8x8, 8, 8}};
  for (const std::size_t dim : dims()) {
    const auto steps = random_steps(dim, std::min(500, largest_step(dim)), 8);
    for (const auto& [type, first, second] : types) {
      const CodeRows base(first, dim, count, static_cast<std::uint32_t>(dim));
      const CodeRows rest(second, dim, count, static_cast<std::uint32_t>(dim) + 1);
      const RowView view{rest.bytes.data(), rest.stride, dim, 2, base.bytes.data(), base.stride};
      const auto found = scores(kernels(), type, view, steps);
      EXPECT_EQ(found, scores(table(SimdLevel::scalar), type, view, steps)) << dim;
      for (std::size_t i = 0; i < count; ++i) {
        std::vector<double> sum = base.values[i];
        for (std::size_t d = 0; d < dim; ++d) sum[d] += rest.values[i][d];
        const auto [exact, magnitude] =
            reference(steps, sum, static_cast<double>(rest.header(i).bias));
        EXPECT_NEAR(found[i], exact, 0x1p-18 * (magnitude + 100)) << dim;
      }
    }
  }
}

/// Rows are scored some at a time, and by a query that is taken apart where they are many.
TEST_P(CodeKernelTest, ScoresDoNotDependOnTheRowsBeside) {
  constexpr std::size_t most = 11;
  std::vector<std::uint32_t> slots(most);
  std::iota(slots.begin(), slots.end(), 0U);
  for (const std::size_t dim : {32U, 64U, 96U, 128U, 160U, 384U, 2048U, 2080U}) {
    for (const std::int16_t extreme :
         {std::int16_t{0}, std::int16_t{32766}, std::int16_t{-32768}}) {
      if (std::abs(extreme) > largest_step(dim)) continue;
      auto steps = random_steps(dim, largest_step(dim), 9);
      if (extreme != 0) std::fill(steps.begin(), steps.end(), extreme);
      const QueryView query{.steps = steps.data(), .scale = scale, .constant = constant};
      for (const unsigned bits : {4U, 8U}) {
        const CodeRows rows(bits, dim, most, static_cast<std::uint32_t>(dim));
        const RowView view{rows.bytes.data(), rows.stride, dim, 3, nullptr, 0};
        const ScoreFn score =
            kernels().score[static_cast<std::size_t>(bits == 8 ? RowType::lvq8 : RowType::lvq4)][0];
        std::vector<float> alone(most);
        for (std::size_t i = 0; i < most; ++i) score(query, view, &slots[i], 1, &alone[i]);
        for (std::size_t some = 2; some <= most; ++some) {
          std::vector<float> together(some);
          score(query, view, slots.data(), some, together.data());
          EXPECT_TRUE(std::equal(together.begin(), together.end(), alone.begin()))
              << dim << " dims, " << some << " rows of " << bits << " bits";
        }
      }
    }
  }
}

TEST_P(CodeKernelTest, TheLargestSumsDoNotOverflow) {
  const std::size_t dim = 512;
  CodeRows rows(8, dim, count, 1);
  for (std::size_t i = 0; i < count; ++i)
    std::memset(rows.bytes.data() + i * rows.stride + sizeof(CodeHeader), 255, dim);
  for (const int sign : {1, -1}) {
    std::vector<std::int16_t> steps(dim, static_cast<std::int16_t>(sign * largest_step(dim)));
    const RowView view{rows.bytes.data(), rows.stride, dim, 1, nullptr, 0};
    const auto found = scores(kernels(), RowType::lvq8, view, steps);
    for (std::size_t i = 0; i < count; ++i) {
      const double value = CodeRows::step(rows.header(i)) * (510.0 + rows.header(i).offset);
      const double product = value * steps[0] * static_cast<double>(dim);
      EXPECT_NEAR(found[i], -0.125 * product, std::fabs(product) * 1e-5 + 100);
    }
  }
}

TEST_P(CodeKernelTest, ConversionsAreThoseOfTheScalarLevelBitByBit) {
  const KernelTable& scalar = table(SimdLevel::scalar);
  for (const std::size_t dim : dims()) {
    const std::vector<float> row = test::random_floats(dim, static_cast<std::uint32_t>(dim));
    const Grid grid{0.011F, -250};
    for (const unsigned bits : {4U, 8U}) {
      const CodeKernels& own = bits == 8 ? kernels().codes8 : kernels().codes4;
      const CodeKernels& plain = bits == 8 ? scalar.codes8 : scalar.codes4;
      std::vector<std::uint8_t> codes(dim);
      std::vector<std::uint8_t> expected(dim);
      own.encode(row.data(), dim, grid, codes.data());
      plain.encode(row.data(), dim, grid, expected.data());
      EXPECT_EQ(codes, expected);
      std::vector<float> decoded(dim);
      std::vector<std::int16_t> steps(dim);
      own.decode(codes.data(), dim, grid, decoded.data());
      own.widen(codes.data(), dim, grid.offset, steps.data());
      for (std::size_t d = 0; d < dim; ++d) {
        ASSERT_EQ(decoded[d], grid.step * static_cast<float>(steps[d])) << d;
        const int most = bits == 8 ? 255 : 15;
        const double ideal = (static_cast<double>(row[d]) / 0.011 + 250) / 2;
        ASSERT_NEAR((steps[d] + 250) / 2, std::clamp(ideal, 0.0, static_cast<double>(most)), 0.501);
      }
    }
  }
}

/// Errors choose the grids of rows: where multiply-adds are fused, all levels must choose alike.
TEST_P(CodeKernelTest, GridErrorsHaveOneOrderOfSums) {
  if (GetParam() == SimdLevel::scalar) GTEST_SKIP() << "does not fuse";
  const Grid grid{0.03125F, -61};
  for (const std::size_t dim : dims()) {
    const std::vector<float> row = test::random_floats(dim, static_cast<std::uint32_t>(dim));
    std::vector<float> sums(row_padding, 0.0F);
    for (std::size_t d = 0; d < dim; ++d) {
      const float place = std::clamp(std::fma(row[d], 16.0F, 30.5F), 0.0F, 15.0F);
      const float error = std::fma(std::nearbyint(place), -0.0625F, row[d] + 1.90625F);
      sums[d % row_padding] = std::fma(error, error, sums[d % row_padding]);
    }
    for (std::size_t half = row_padding / 2; half != 0; half /= 2)
      for (std::size_t k = 0; k < half; ++k) sums[k] += sums[k + half];
    EXPECT_EQ(kernels().grid_error(row.data(), dim, grid, 15.0F), sums[0]) << "dim " << dim;
  }
}

TEST_P(CodeKernelTest, RangesErrorsAndStepsMatchDoubleReferences) {
  for (const std::size_t dim : dims()) {
    const std::vector<float> row = test::random_floats(dim, static_cast<std::uint32_t>(dim));
    float low = 0;
    float high = 0;
    kernels().range(row.data(), dim, &low, &high);
    EXPECT_EQ(low, *std::min_element(row.begin(), row.end()));
    EXPECT_EQ(high, *std::max_element(row.begin(), row.end()));
    const Grid grid{0.125F, -15};
    double error = 0;
    for (const float value : row) {
      const double code =
          std::clamp(std::round((static_cast<double>(value) / 0.125 + 15) / 2), 0.0, 15.0);
      error += std::pow(static_cast<double>(value) - 0.125 * (2 * code - 15), 2);
    }
    EXPECT_NEAR(kernels().grid_error(row.data(), dim, grid, 15.0F), error, 1e-5 * error);
    std::vector<std::int16_t> steps(dim);
    kernels().to_steps(row.data(), dim, 1000.0F, steps.data());
    for (std::size_t d = 0; d < dim; ++d)
      ASSERT_NEAR(steps[d], static_cast<double>(row[d]) * 1000, 0.501);
    EXPECT_EQ(kernels().sum_steps(steps.data(), dim),
              std::accumulate(steps.begin(), steps.end(), 0));
  }
}

TEST_P(CodeKernelTest, HadamardIsOrthogonalAndItsOwnInverse) {
  for (std::size_t dim = 1; dim <= 1024; dim *= 2) {
    std::vector<float> values(dim);
    for (std::size_t d = 0; d < dim; ++d) values[d] = static_cast<float>(d % 7) - 3.0F;
    std::vector<float> twice = values;
    kernels().hadamard(twice.data(), dim);
    double norm = 0;
    double before = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      norm += static_cast<double>(twice[d]) * static_cast<double>(twice[d]);
      before += static_cast<double>(values[d]) * static_cast<double>(values[d]);
    }
    EXPECT_NEAR(norm, before, 1e-5 * before);
    kernels().hadamard(twice.data(), dim);
    for (std::size_t d = 0; d < dim; ++d) ASSERT_NEAR(twice[d], values[d], 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, CodeKernelTest, ::testing::ValuesIn(simd_levels),
                         [](const auto& param_info) {
                           return std::string(name(param_info.param));
                         });

}  // namespace
}  // namespace vecinal::kernels
