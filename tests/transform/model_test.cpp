#include "transform/model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "kernels/rows.hpp"

namespace vecinal {
namespace {

constexpr float untouched = 9.0F;

/// What a model of dim dims with a mean is made of.
Model::Parts parts(std::size_t dim, std::size_t walk_dim) {
  Model::Parts result;
  for (std::size_t d = 0; d < dim; ++d) result.mean.push_back(static_cast<float>(d) / 4);
  result.walk_dim = walk_dim;
  result.reduced = walk_dim != dim;
  return result;
}

/// Small integers, so that products are exact in any order.
Matrix integer_matrix(std::size_t rows, std::size_t cols, std::uint32_t seed) {
  std::mt19937 random(seed);
  Matrix matrix(rows, cols);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) matrix.row(r)[c] = static_cast<float>(random() % 9) - 4;
  return matrix;
}

/// Rows of dim small integers, zero up to the padding.
Matrix integer_rows(std::size_t count, std::size_t dim) { return integer_matrix(count, dim, 77); }

Vectors view(const Matrix& rows) { return {rows.row(0), rows.rows(), rows.stride()}; }

/// A row of padded floats for each vector, by the model.
std::vector<float> projected(const Model& model, Side side, const Matrix& rows,
                             std::size_t padded_dim) {
  std::vector<float> to(rows.rows() * padded_dim, untouched);
  model.project(side, view(rows), to.data(), padded_dim);
  return to;
}

/// The same by plain loops: directions times vectors, zero past the walked dims.
std::vector<float> expected_rows(const Matrix& directions, const Matrix& rows,
                                 std::size_t padded_dim) {
  std::vector<float> to(rows.rows() * padded_dim, 0.0F);
  for (std::size_t i = 0; i < rows.rows(); ++i)
    for (std::size_t r = 0; r < directions.rows(); ++r)
      for (std::size_t d = 0; d < directions.cols(); ++d)
        to[i * padded_dim + r] += directions.row(r)[d] * rows.row(i)[d];
  return to;
}

TEST(Model, OfNothingLearnedIsTheIdentity) {
  const Model model(5);
  EXPECT_TRUE(model.identity());
  EXPECT_TRUE(model.symmetric());
  EXPECT_FALSE(model.reduced());
  EXPECT_FALSE(model.rotated());
  EXPECT_FALSE(model.fitted());
  EXPECT_EQ(model.dim(), 5U);
  EXPECT_EQ(model.walk_dim(), 5U);
  std::vector<float> values = {1, 2, 3, 4, 5};
  model.center(values.data());
  model.uncenter(values.data());
  EXPECT_EQ(values, (std::vector<float>{1, 2, 3, 4, 5}));
}

TEST(Model, KeepsWhatItIsMadeOf) {
  Model::Parts made = parts(6, 4);
  made.fitted = true;
  made.rotated_dim = 32;
  made.seed = 12;
  made.trained_error = 0.25;
  made.data = integer_matrix(4, 6, 1);
  made.query = integer_matrix(4, 6, 2);
  const Model model(std::move(made));
  EXPECT_FALSE(model.identity());
  EXPECT_FALSE(model.symmetric());
  EXPECT_TRUE(model.reduced());
  EXPECT_TRUE(model.rotated());
  EXPECT_TRUE(model.fitted());
  EXPECT_EQ(model.dim(), 6U);
  EXPECT_EQ(model.walk_dim(), 4U);
  EXPECT_EQ(model.seed(), 12U);
  EXPECT_EQ(model.trained_error(), 0.25);
  EXPECT_EQ(model.mean(), parts(6, 4).mean);
  EXPECT_EQ(model.data().row(3)[5], integer_matrix(4, 6, 1).row(3)[5]);
  EXPECT_EQ(model.query().row(3)[5], integer_matrix(4, 6, 2).row(3)[5]);
}

TEST(Model, CentringTakesTheMeanAndIsUndone) {
  const Model model(parts(4, 4));
  std::vector<float> values = {5, 5, 5, 5, untouched};
  model.center(values.data());
  EXPECT_EQ(values, (std::vector<float>{5, 4.75F, 4.5F, 4.25F, untouched}));
  model.uncenter(values.data());
  EXPECT_EQ(values, (std::vector<float>{5, 5, 5, 5, untouched}));
}

TEST(Model, WithoutReductionRowsAreTheCentredVectors) {
  const Model model(parts(21, 21));
  const Matrix rows = integer_rows(5, 21);
  for (const Side side : {Side::data, Side::query})
    EXPECT_EQ(projected(model, side, rows, 32),
              std::vector<float>(rows.values().begin(), rows.values().end()));
}

TEST(Model, APrefixIsCutAndPaddedForBothSides) {
  const std::size_t dim = 40;
  const Matrix rows = integer_rows(6, dim);
  for (const std::size_t kept : {1U, 16U, 17U, 39U}) {
    const Model model(parts(dim, kept));
    EXPECT_TRUE(model.symmetric());
    const std::size_t padded = kernels::padded(kept);
    for (const Side side : {Side::data, Side::query}) {
      const std::vector<float> found = projected(model, side, rows, padded);
      for (std::size_t i = 0; i < rows.rows(); ++i)
        for (std::size_t d = 0; d < padded; ++d)
          EXPECT_EQ(found[i * padded + d], d < kept ? rows.row(i)[d] : 0.0F);
    }
  }
}

TEST(Model, QueriesGoThroughAAndDataThroughB) {
  const std::size_t dim = 37;
  for (const std::size_t walk_dim : {1U, 16U, 19U, 36U}) {
    const Matrix a = integer_matrix(walk_dim, dim, 3);
    const Matrix b = integer_matrix(walk_dim, dim, 4);
    Model::Parts made = parts(dim, walk_dim);
    made.query = integer_matrix(walk_dim, dim, 3);
    made.data = integer_matrix(walk_dim, dim, 4);
    const Model model(std::move(made));
    const std::size_t padded = kernels::padded_codes(walk_dim);
    for (const std::size_t count : {1U, 3U, 4U, 40U}) {
      const Matrix rows = integer_rows(count, dim);
      EXPECT_EQ(projected(model, Side::query, rows, padded), expected_rows(a, rows, padded));
      EXPECT_EQ(projected(model, Side::data, rows, padded), expected_rows(b, rows, padded));
    }
  }
}

TEST(Model, WithOneMatrixBothSidesGoThroughIt) {
  Model::Parts made = parts(20, 7);
  made.data = integer_matrix(7, 20, 5);
  const Matrix b = integer_matrix(7, 20, 5);
  const Model model(std::move(made));
  EXPECT_TRUE(model.symmetric());
  const Matrix rows = integer_rows(9, 20);
  for (const Side side : {Side::data, Side::query})
    EXPECT_EQ(projected(model, side, rows, 16), expected_rows(b, rows, 16));
}

/// Products of rows with queries are what search sees: the rotation must cancel out of them.
TEST(Model, RotationComesAfterTheReductionAndKeepsProducts) {
  const std::size_t dim = 37;
  const std::size_t walk_dim = 19;
  const std::size_t padded = kernels::padded_codes(walk_dim);
  for (const std::size_t rotated : {padded, kernels::grouped_signs(walk_dim)}) {
    const auto make = [&](std::size_t rotated_dim) {
      Model::Parts made = parts(dim, walk_dim);
      made.query = integer_matrix(walk_dim, dim, 3);
      made.data = integer_matrix(walk_dim, dim, 4);
      made.rotated_dim = rotated_dim;
      made.seed = 8;
      return Model(std::move(made));
    };
    const Matrix rows = integer_rows(5, dim);
    const Model plain = make(0);
    const Model model = make(rotated);
    std::vector<float> expected = projected(plain, Side::data, rows, padded);
    EXPECT_EQ(model.filled_dim(), rotated);
    const Rotation rotation(rotated, 8);
    for (std::size_t i = 0; i < rows.rows(); ++i) rotation.apply(expected.data() + i * padded);
    EXPECT_EQ(projected(model, Side::data, rows, padded), expected);
    const auto products = [&](const Model& one) {
      const std::vector<float> q = projected(one, Side::query, rows, padded);
      const std::vector<float> x = projected(one, Side::data, rows, padded);
      double sum = 0;
      double lengths = 0;
      for (std::size_t d = 0; d < padded; ++d) {
        sum += static_cast<double>(q[d]) * static_cast<double>(x[d]);
        lengths += static_cast<double>(q[d]) * static_cast<double>(q[d]) +
                   static_cast<double>(x[d]) * static_cast<double>(x[d]);
      }
      return std::pair(sum, lengths);
    };
    const auto [product, lengths] = products(plain);
    // Both sides: four transforms of 5 stages and a scale, 2^-24 each; |q| |x| <= half the squares.
    EXPECT_NEAR(products(model).first, product, 2 * 4 * 7 * 0x1p-24 * 1.01 * lengths / 2);
  }
}

TEST(Model, UnprojectGivesBackRotatedRows) {
  for (const std::size_t dim : {33U, 64U, 100U}) {
    Model::Parts made = parts(dim, dim);
    made.rotated_dim = dim == 100 ? dim : kernels::padded_codes(dim);
    made.seed = 3;
    const Model model(std::move(made));
    const std::size_t padded = kernels::padded_codes(dim);
    const Matrix rows = integer_rows(4, dim);
    std::vector<float> found = projected(model, Side::data, rows, padded);
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      float* row = found.data() + i * padded;
      model.unproject(row);
      double squared = 0;
      double error = 0;
      for (std::size_t d = 0; d < padded; ++d) {
        const double exact = d < dim ? static_cast<double>(rows.row(i)[d]) : 0.0;
        squared += exact * exact;
        error += std::pow(static_cast<double>(row[d]) - exact, 2);
      }
      // There and back: four transforms each, of up to 7 stages and a scale, 2^-24 each.
      EXPECT_LE(std::sqrt(error), 2 * 4 * 9 * 0x1p-24 * 1.01 * std::sqrt(squared)) << dim;
    }
  }
}

TEST(Model, UnprojectLeavesRowsWithoutRotationAlone) {
  const Model model(parts(16, 16));
  std::vector<float> row(16, 3.0F);
  model.unproject(row.data());
  EXPECT_EQ(row, std::vector<float>(16, 3.0F));
}

}  // namespace
}  // namespace vecinal
