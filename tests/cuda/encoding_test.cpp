// Rows encoded and projected on a device, against Storage and plain sums.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "backend/backend_library.hpp"
#include "encoding/storage.hpp"
#include "kernels/dispatch.hpp"
#include "support/random.hpp"

namespace vecinal::test {
namespace {

using kernels::RowType;

struct Case {
  const char* name;
  RowType type;
  bool fitted;
};

class EncodingParity : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    AllCodes, EncodingParity,
    testing::Values(Case{"lvq8", RowType::lvq8, false}, Case{"lvq8_fitted", RowType::lvq8, true},
                    Case{"lvq4", RowType::lvq4, false}, Case{"lvq4_fitted", RowType::lvq4, true},
                    Case{"lvq4x4", RowType::lvq4x4, false}, Case{"lvq4x8", RowType::lvq4x8, false},
                    Case{"lvq4x8_fitted", RowType::lvq4x8, true},
                    Case{"lvq8x8", RowType::lvq8x8, false},
                    Case{"lvq8x8_fitted", RowType::lvq8x8, true}),
    [](const auto& made_of) { return std::string(made_of.param.name); });

/// Rows of floats, padded with zeros as codes are.
struct FloatRows {
  std::size_t count;
  std::size_t padded_dim;
  std::vector<float> values;

  FloatRows(std::size_t rows, std::size_t dim, std::uint32_t seed)
      : count(rows), padded_dim(kernels::padded_codes(dim)), values(rows * padded_dim) {
    for (std::size_t i = 0; i < rows; ++i) {
      const std::vector<float> row = random_floats(dim, seed + static_cast<std::uint32_t>(i));
      // Of many lengths, some of them far from zero.
      const float size = std::ldexp(1.0F, static_cast<int>(i % 9) - 4);
      for (std::size_t d = 0; d < dim; ++d)
        values[i * padded_dim + d] = size * (row[d] + (i % 3 == 2 ? 40.0F : 0.0F));
    }
  }
  [[nodiscard]] const float* row(std::size_t i) const { return values.data() + i * padded_dim; }
};

/// Rows as the CPU encodes them, in one level or two.
struct OnCpu {
  std::unique_ptr<Storage> base;
  std::unique_ptr<Storage> rows;
  std::vector<float> biases;
  std::vector<Encoded> errors;

  OnCpu(const Case& made_of, const FloatRows& from, std::size_t dim, float correction) {
    RowFormat format{.type = made_of.type, .dim = dim, .fitted = made_of.fitted};
    format.correction = correction;
    if (made_of.type != RowType::lvq8 && made_of.type != RowType::lvq4) {
      RowFormat first = format;
      first.type = made_of.type == RowType::lvq8x8 ? RowType::lvq8 : RowType::lvq4;
      base = std::make_unique<Storage>(first);
      base->resize(from.count);
    }
    rows = std::make_unique<Storage>(format, base.get());
    rows->resize(from.count);
    QueryBuffer buffer(*rows);
    for (Slot i = 0; i < from.count; ++i) {
      biases.push_back(0.5F * static_cast<float>(i) - 3);
      if (base != nullptr) static_cast<void>(base->set(i, from.row(i), 0, buffer));
      errors.push_back(rows->set(i, from.row(i), biases[i], buffer));
    }
  }
};

/// One row of the device, with its error, beside the CPU's. The CPU's float32 sums of dims values
/// are off by dims * 2^-24 of the squared length, and lose what is below the least float32.
void expect_same_row(const std::byte* codes, const RowError& error, const OnCpu& expected,
                     Slot row) {
  kernels::CodeHeader found;
  kernels::CodeHeader wanted;
  std::memcpy(&found, codes, sizeof found);
  std::memcpy(&wanted, expected.rows->row(row), sizeof wanted);
  ASSERT_EQ(found.step, wanted.step);
  ASSERT_EQ(found.offset, wanted.offset);
  ASSERT_EQ(std::memcmp(codes + sizeof found, expected.rows->row(row) + sizeof found,
                        expected.rows->row_bytes() - sizeof found),
            0);
  constexpr double lost = 1e-36;
  const Encoded& encoded = expected.errors[row];
  const double share = static_cast<double>(expected.rows->padded_dim()) * 0x1p-23;
  const double correction = std::fabs(expected.rows->format().correction);
  EXPECT_NEAR(found.bias, wanted.bias,
              correction == 0 ? 0 : 2 * correction * share * encoded.squared_norm + 1e-6);
  EXPECT_NEAR(error.squared_norm, encoded.squared_norm, share * encoded.squared_norm + lost);
  EXPECT_NEAR(error.squared_error, encoded.squared_error, share * encoded.squared_error + lost);
  EXPECT_EQ(error.clipped, encoded.clipped);
}

/// Encodes the rows on both and compares. The scalar kernels do not fuse what errors of fitted
/// grids are made of, and may choose another grid where two are as good.
void expect_same(const Case& made_of, const FloatRows& rows, std::size_t dim, float correction) {
  const OnCpu expected(made_of, rows, dim, correction);
  const Storage* base = expected.base.get();
  const std::size_t stride = expected.rows->row_bytes() + 3;  // an odd place for every row
  std::vector<std::byte> codes(rows.count * stride);
  std::vector<RowError> errors(rows.count);
  cuda_backend().encode({.type = made_of.type,
                         .fitted = made_of.fitted,
                         .correction = correction,
                         .padded_dim = rows.padded_dim,
                         .count = rows.count,
                         .rows = rows.values.data(),
                         .stride = rows.padded_dim,
                         .biases = expected.biases.data(),
                         .base = base == nullptr ? nullptr : base->row(0),
                         .base_stride = base == nullptr ? 0 : base->stride()},
                        codes.data(), stride, errors);
  if (made_of.fitted && kernels::active().tile_queries == 2) return;
  for (Slot i = 0; i < rows.count; ++i) {
    SCOPED_TRACE("dim " + std::to_string(dim) + " row " + std::to_string(i));
    expect_same_row(codes.data() + i * stride, errors[i], expected, i);
  }
}

TEST_P(EncodingParity, BytesAreThoseOfTheCpu) {
  std::uint32_t seed = 1;
  for (const std::size_t dim : {1U, 31U, 32U, 33U, 100U, 257U, 1100U})
    for (const float correction : {0.0F, 0.75F})
      expect_same(GetParam(), FloatRows(dim < 300 ? 37 : 6, dim, seed += 100), dim, correction);
}

TEST_P(EncodingParity, OneRowNoneAndExtremes) {
  expect_same(GetParam(), FloatRows(0, 16, 1), 16, 0);
  FloatRows rows(6, 40, 5);
  std::fill_n(rows.values.begin(), rows.padded_dim, 0.0F);
  for (std::size_t d = 0; d < 40; ++d) {
    rows.values[rows.padded_dim + d] = 1e-40F * static_cast<float>(d);
    rows.values[2 * rows.padded_dim + d] = d % 2 == 0 ? 9e17F : -8e17F;
    rows.values[3 * rows.padded_dim + d] = 123.0F;
    rows.values[4 * rows.padded_dim + d] = d == 7 ? 1e6F : 1e-3F;
  }
  expect_same(GetParam(), rows, 40, 0);
  rows.count = 1;
  expect_same(GetParam(), rows, 40, 0);
}

TEST(EncodingParity, RowsOfFloatsAreRefused) {
  EXPECT_THROW(
      cuda_backend().encode({.type = RowType::f16, .padded_dim = 32, .count = 1}, nullptr, 0, {}),
      std::invalid_argument);
}

TEST(ProjectionParity, ProductsAreThoseOfPlainSums) {
  for (const std::size_t cols : {1U, 33U, 300U})
    for (const std::size_t matrix_rows : {1U, 20U})
      for (const std::size_t count : {0U, 1U, 5U, 70U}) {
        const std::size_t stride = cols + 3;
        const std::vector<float> matrix = random_floats(matrix_rows * stride, 1);
        const std::vector<float> rows = random_floats((count + 1) * (stride + 2), 2);
        std::vector<float> given = matrix;
        const auto on_device =
            cuda_backend().make_matrix({given.data(), matrix_rows, stride}, cols);
        given.assign(given.size(), 0);  // the device has what it needs
        EXPECT_EQ(on_device->rows(), matrix_rows);
        EXPECT_EQ(on_device->cols(), cols);
        std::vector<float> products(count * matrix_rows);
        cuda_backend().project(*on_device, {rows.data(), count, stride + 2}, products);
        for (std::size_t i = 0; i < count; ++i)
          for (std::size_t r = 0; r < matrix_rows; ++r) {
            double sum = 0;
            double most = 0;
            for (std::size_t d = 0; d < cols; ++d) {
              const double product = static_cast<double>(matrix[r * stride + d]) *
                                     static_cast<double>(rows[i * (stride + 2) + d]);
              sum += product;
              most += std::fabs(product);
            }
            // Whatever the order of the sums.
            ASSERT_NEAR(products[i * matrix_rows + r], sum,
                        static_cast<double>(cols + 1) * 0x1p-24 * most);
          }
      }
}

}  // namespace
}  // namespace vecinal::test
