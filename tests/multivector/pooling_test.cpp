#include "multivector/pooling.hpp"

#include <gtest/gtest.h>

#include "support/sets.hpp"

namespace vecinal {
namespace {

using test::Sets;

TEST(Pooling, MeansOfTheNearestVectorsInTheirOrder) {
  Sets sets{2};
  sets.add({0, 0, 10, 0, 0, 1, 10, 1});
  sets.add({5, 5});
  const OwnedSets pooled = pool_sets(sets.batch(), 2, 1);
  const Batch batch = pooled.batch();
  ASSERT_EQ(batch.items(), 2U);
  ASSERT_EQ(batch.count, 3U);
  const std::vector<float> values(batch.data, batch.data + 6);
  EXPECT_EQ(values, (std::vector<float>{0, 0.5F, 10, 0.5F, 5, 5}));
}

TEST(Pooling, KeepsOneInSoManyAndTheMean) {
  const Sets sets = test::random_sets(12, 6, 1);
  Sets large = sets;
  large.add(test::unit_vectors(700, 6, 2));
  for (const std::size_t factor : {1U, 2U, 3U, 5U}) {
    const OwnedSets pooled = pool_sets(large.batch(), factor, 2);
    const Batch batch = pooled.batch();
    for (std::size_t i = 0; i + 1 < large.count(); ++i)
      EXPECT_EQ(batch.begin(i + 1) - batch.begin(i), (large.size(i) + factor - 1) / factor);
    // Stretches of 256, 256 and 188 vectors.
    const std::size_t last = batch.items() - 1;
    EXPECT_EQ(batch.begin(last + 1) - batch.begin(last),
              2 * ((256 + factor - 1) / factor) + (188 + factor - 1) / factor);
  }
  const OwnedSets same = pool_sets(sets.batch(), 1, 1);
  EXPECT_EQ(std::vector<float>(same.batch().data, same.batch().data + sets.values.size()),
            sets.values);
}

TEST(Pooling, DoesNotDependOnTheThreads) {
  const Sets sets = test::random_sets(30, 8, 3);
  const OwnedSets one = pool_sets(sets.batch(), 2, 1);
  const OwnedSets many = pool_sets(sets.batch(), 2, 4);
  ASSERT_EQ(one.batch().count, many.batch().count);
  EXPECT_TRUE(
      std::equal(one.batch().data, one.batch().data + one.batch().count * 8, many.batch().data));
}

}  // namespace
}  // namespace vecinal
