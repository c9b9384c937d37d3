#include "core/block_sums.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace vecinal {
namespace {

/// Values whose sum depends on the order of the additions.
double value(std::size_t row, std::size_t column) {
  return std::sin(static_cast<double>(row * 7 + column)) * std::pow(10.0, row % 13);
}

std::vector<double> sums(std::size_t rows, unsigned threads) {
  return block_sums(rows, 3, threads, [](std::size_t i, double* to) {
    for (std::size_t column = 0; column < 3; ++column) to[column] += value(i, column);
  });
}

TEST(BlockSums, AreOfAllRows) {
  for (const std::size_t rows : {0U, 1U, 63U, 64U, 65U, 1000U}) {
    const std::vector<double> found = sums(rows, 2);
    for (std::size_t column = 0; column < 3; ++column) {
      long double expected = 0;
      for (std::size_t i = 0; i < rows; ++i) expected += value(i, column);
      EXPECT_NEAR(found[column], static_cast<double>(expected), 1e-3) << rows;
    }
  }
}

TEST(BlockSums, DoNotDependOnThreads) {
  const std::vector<double> alone = sums(5000, 1);
  for (const unsigned threads : {2U, 5U, 16U}) EXPECT_EQ(sums(5000, threads), alone) << threads;
}

}  // namespace
}  // namespace vecinal
