#include "transform/matrix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/rows.hpp"

namespace vecinal {
namespace {

/// count rows of normal values, zero from dim to the stride.
AlignedFloats random_rows(std::size_t count, std::size_t dim, std::size_t stride,
                          std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  AlignedFloats rows(count * stride);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t d = 0; d < dim; ++d) rows.data()[i * stride + d] = normal(random);
  return rows;
}

Matrix random_matrix(std::size_t rows, std::size_t cols, std::uint32_t seed) {
  Matrix matrix(rows, cols);
  const AlignedFloats values = random_rows(rows, cols, matrix.stride(), seed);
  std::copy_n(values.data(), rows * matrix.stride(), matrix.row(0));
  return matrix;
}

/// A sum of products in double, and how far a float32 chain of all its terms can be off: n
/// roundings by 2^-24 of at most the sum of the magnitudes (Higham, section 3.1: n u / (1 - n u)),
/// whatever the order and with fused multiply-adds or without.
struct Sum {
  double value = 0;
  double magnitude = 0;
  std::size_t terms = 0;

  void add(float a, float b) {
    const double term = static_cast<double>(a) * static_cast<double>(b);
    value += term;
    magnitude += std::fabs(term);
    ++terms;
  }
  [[nodiscard]] double rounding(std::size_t chain) const {
    const double roundings = static_cast<double>(chain) * 0x1p-24;
    // 2^-53 a term: this sum's own.
    return magnitude * (roundings / (1 - roundings) + static_cast<double>(terms) * 0x1p-53);
  }
};

TEST(Matrix, RowsArePaddedWithZeros) {
  const Matrix matrix(3, 21);
  EXPECT_EQ(matrix.rows(), 3U);
  EXPECT_EQ(matrix.cols(), 21U);
  EXPECT_EQ(matrix.stride(), kernels::padded(21));
  EXPECT_EQ(matrix.values().size(), 3 * matrix.stride());
  EXPECT_EQ(matrix.row(2), matrix.row(0) + 2 * matrix.stride());
  for (const float value : matrix.values()) EXPECT_EQ(value, 0.0F);
  EXPECT_FALSE(matrix.empty());
  EXPECT_TRUE(Matrix().empty());
}

void expect_products(const Matrix& matrix, std::size_t count) {
  constexpr float untouched = -5.0F;
  const std::size_t to_stride = matrix.rows() + 3;
  const AlignedFloats vectors = random_rows(count, matrix.cols(), matrix.stride(), 2);
  std::vector<float> found(count * to_stride + 1, untouched);
  multiply(matrix, {vectors.data(), count, matrix.stride()}, found.data(), to_stride);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t r = 0; r < matrix.rows(); ++r) {
      Sum exact;
      for (std::size_t d = 0; d < matrix.cols(); ++d)
        exact.add(matrix.row(r)[d], vectors.data()[i * matrix.stride() + d]);
      ASSERT_NEAR(static_cast<double>(found[i * to_stride + r]), exact.value,
                  exact.rounding(matrix.cols()))
          << matrix.rows() << " x " << matrix.cols() << ", vector " << i << " of " << count
          << ", row " << r;
    }
    for (std::size_t r = matrix.rows(); r < to_stride; ++r)
      ASSERT_EQ(found[i * to_stride + r], untouched) << "wrote between the rows";
  }
  ASSERT_EQ(found.back(), untouched) << "wrote past the end";
}

TEST(Matrix, ProductsMatchADoubleReferenceForAnyNumberOfVectors) {
  struct Shape {
    std::size_t rows, cols;
  };
  // Around the sizes of tiles, panels and padding; 257 and 300 walk a panel in two parts.
  for (const auto [rows, cols] :
       {Shape{1, 1}, Shape{1, 130}, Shape{2, 15}, Shape{5, 37}, Shape{13, 16}, Shape{33, 100},
        Shape{64, 300}, Shape{100, 17}, Shape{31, 257}})
    for (const std::size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 16U, 17U, 33U, 40U})
      expect_products(random_matrix(rows, cols, 1), count);
}

TEST(Matrix, SmallIntegersAreMultipliedExactly) {
  Matrix matrix(7, 19);
  for (std::size_t r = 0; r < 7; ++r)
    for (std::size_t d = 0; d < 19; ++d) matrix.row(r)[d] = static_cast<float>((r * d) % 11) - 5;
  for (const std::size_t count : {1U, 3U, 4U, 40U}) {
    AlignedFloats vectors(count * 32);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t d = 0; d < 19; ++d)
        vectors.data()[i * 32 + d] = static_cast<float>((i + 3 * d) % 7) - 3;
    std::vector<float> found(count * 7);
    multiply(matrix, {vectors.data(), count, 32}, found.data(), 7);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t r = 0; r < 7; ++r) {
        Sum exact;
        for (std::size_t d = 0; d < 19; ++d)
          exact.add(matrix.row(r)[d], vectors.data()[i * 32 + d]);
        EXPECT_EQ(static_cast<double>(found[i * 7 + r]), exact.value);
      }
  }
}

/// In a batch of more than a panel; a few vectors take another kernel.
TEST(Matrix, ProductsOfAVectorDoNotDependOnItsPlaceInABatch) {
  constexpr std::size_t part = 35;
  const Matrix matrix = random_matrix(37, 83, 3);
  const AlignedFloats vectors = random_rows(2 * part, 83, matrix.stride(), 4);
  std::vector<float> all(2 * part * 37);
  multiply(matrix, {vectors.data(), 2 * part, matrix.stride()}, all.data(), 37);
  for (const std::size_t first : {1U, 17U, 31U, 35U}) {
    std::vector<float> some(part * 37);
    multiply(matrix, {vectors.data() + first * matrix.stride(), part, matrix.stride()}, some.data(),
             37);
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin() + static_cast<long>(first * 37)));
  }
}

std::vector<double> moments_of(const Vectors& rows, std::size_t cols, unsigned threads) {
  std::vector<double> moments(cols * cols, 0.0);
  add_moments(rows, cols, threads, moments.data());
  return moments;
}

struct MomentShape {
  std::size_t count, cols;
};

// None, one, fewer than dims, around one block of 512 and more than two; around the panels' widths.
constexpr MomentShape moment_shapes[] = {{0, 5},    {1, 1},     {3, 20},   {511, 31}, {512, 33},
                                         {513, 65}, {1300, 45}, {40, 130}, {600, 1}};

TEST(Moments, MatchADoubleReference) {
  for (const auto [count, cols] : moment_shapes) {
    const std::size_t stride = kernels::padded(cols) + 16;
    const AlignedFloats rows = random_rows(count, cols, stride, 5);
    const std::vector<double> found = moments_of({rows.data(), count, stride}, cols, 2);
    for (std::size_t r = 0; r < cols; ++r)
      for (std::size_t c = 0; c < cols; ++c) {
        Sum exact;
        for (std::size_t i = 0; i < count; ++i)
          exact.add(rows.data()[i * stride + r], rows.data()[i * stride + c]);
        // Chains of up to 512 products in float32, added up in double.
        ASSERT_NEAR(found[r * cols + c], exact.value,
                    exact.rounding(std::min<std::size_t>(count, 512)))
            << count << " vectors, " << cols << " dims, at " << r << ", " << c;
        ASSERT_EQ(found[r * cols + c], found[c * cols + r]);
      }
  }
}

TEST(Moments, AreTheSameBitsForAnyNumberOfThreads) {
  for (const auto [count, cols] : moment_shapes) {
    const std::size_t stride = kernels::padded(cols);
    const AlignedFloats rows = random_rows(count, cols, stride, 6);
    const std::vector<double> one = moments_of({rows.data(), count, stride}, cols, 1);
    for (const unsigned threads : {2U, 3U, 8U})
      EXPECT_EQ(moments_of({rows.data(), count, stride}, cols, threads), one)
          << count << " vectors, " << cols << " dims, " << threads << " threads";
  }
}

TEST(Moments, AreAddedToWhatIsThere) {
  const std::size_t cols = 21;
  const std::size_t stride = kernels::padded(cols);
  const AlignedFloats rows = random_rows(1024, cols, stride, 7);
  std::vector<double> parts(cols * cols, 0.0);
  add_moments({rows.data(), 512, stride}, cols, 2, parts.data());
  add_moments({rows.data() + 512 * stride, 512, stride}, cols, 2, parts.data());
  EXPECT_EQ(parts, moments_of({rows.data(), 1024, stride}, cols, 2));  // cut between two blocks
}

}  // namespace
}  // namespace vecinal
