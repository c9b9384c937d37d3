// Exact search of a batch, which compares rounded rows first, finds what a search of each query by
// itself finds, which compares the rows themselves.
#include "backend/step_scan.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal::test {
namespace {

struct Kind {
  Encoding encoding;
  Metric metric;
};

class BatchedScan : public testing::TestWithParam<Kind> {
 protected:
  static Rows shaped(Rows rows, const std::function<float(float, std::size_t)>& shape) {
    for (std::size_t i = 0; i < rows.values.size(); ++i)
      rows.values[i] = shape(rows.values[i], i / rows.dim);
    return rows;
  }

  static void expect_alike(const Rows& rows, const Rows& queries, std::size_t k) {
    const auto index = make_index({.dim = rows.dim,
                                   .metric = GetParam().metric,
                                   .encoding = GetParam().encoding,
                                   .graph = GraphKind::none});
    if (rows.count != 0) index->add(rows.batch());
    for (const Filter& filter : {Filter(), Filter::predicate([](Id id) { return id % 3 == 1; })}) {
      const SearchParams params{.k = k, .filter = filter, .exact = true};
      const Neighbors together = index->search(queries.batch(), params);
      for (std::size_t q = 0; q < queries.count; ++q) {
        const Neighbors alone = index->search(queries.part(q, 1), params);
        ASSERT_EQ(together.counts[q], alone.counts[0]);
        for (std::size_t i = 0; i < k; ++i) {
          ASSERT_EQ(together.ids[q * k + i], alone.ids[i]) << "query " << q << ", place " << i;
          ASSERT_EQ(together.distances[q * k + i], alone.distances[i]);
        }
      }
    }
  }
};

INSTANTIATE_TEST_SUITE_P(
    Kinds, BatchedScan,
    testing::Values(Kind{Encoding::f32, Metric::l2}, Kind{Encoding::f32, Metric::inner_product},
                    Kind{Encoding::f16, Metric::cosine}, Kind{Encoding::lvq8, Metric::l2},
                    Kind{Encoding::lvq4, Metric::inner_product},
                    Kind{Encoding::lvq4x8, Metric::cosine}, Kind{Encoding::lvq8x8, Metric::l2},
                    Kind{Encoding::lvq8x8, Metric::inner_product}),
    [](const auto& kind) {
      return std::string(name(kind.param.encoding)) + "_" + std::string(name(kind.param.metric));
    });

TEST_P(BatchedScan, OfAnyShape) {
  for (const std::size_t dim : {1U, 7U, 33U, 100U, 600U})
    for (const std::size_t count : {1U, 9U, 300U}) {
      // One dimension normalised is two points: nothing but ties, which both keep.
      const Rows rows = clustered(count, dim, 1);
      expect_alike(rows, clustered(40, dim, 2), 5);
    }
}

TEST_P(BatchedScan, OfVectorsOfVeryDifferentLengths) {
  const auto shape = [](float value, std::size_t row) {
    return value * std::pow(10.0F, static_cast<float>(row % 7) - 3);
  };
  expect_alike(shaped(clustered(500, 48, 3), shape), shaped(clustered(20, 48, 4), shape), 10);
}

TEST_P(BatchedScan, OfVectorsFarFromTheOrigin) {
  const auto shape = [](float value, std::size_t) { return value + 200; };
  expect_alike(shaped(clustered(500, 48, 5), shape), shaped(clustered(20, 48, 6), shape), 10);
}

TEST_P(BatchedScan, OfVectorsAtTheEndsOfFloats) {
  for (const float factor : {1e17F, 1e-17F}) {
    const auto shape = [factor](float value, std::size_t) { return value * factor; };
    expect_alike(shaped(clustered(200, 24, 7), shape), shaped(clustered(12, 24, 8), shape), 6);
  }
}

TEST_P(BatchedScan, OfCopiesAndOfZeros) {
  Rows rows = clustered(300, 20, 9);
  for (std::size_t i = 100; i < 250; ++i) std::copy_n(rows.row(7), 20, rows.values.data() + i * 20);
  if (GetParam().metric != Metric::cosine) std::fill_n(rows.values.begin() + 280 * 20, 10 * 20, 0);
  expect_alike(rows, clustered(10, 20, 10), 8);
}

TEST(StepScan, LeavesLengthsNearTheEndsOfFloatsToOthers) {
  EXPECT_TRUE(StepScan::fits(1));
  EXPECT_FALSE(StepScan::fits(0));
  EXPECT_FALSE(StepScan::fits(1e16F));
  EXPECT_FALSE(StepScan::fits(1e-9F));
}

}  // namespace
}  // namespace vecinal::test
