#include "core/growable_array.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace vecinal {
namespace {

TEST(GrowableArray, NewValuesAreZeroAlsoWhereOldOnesWere) {
  GrowableArray<int> values;
  values.resize(1000);
  for (std::size_t i = 0; i < 1000; ++i) values[i] = 7;
  values.resize(10);
  values.resize(2000);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(values[i], 7);
  for (std::size_t i = 10; i < 2000; ++i) ASSERT_EQ(values[i], 0) << i;
}

TEST(GrowableArray, GrowingWithinAReservationMovesNothing) {
  GrowableArray<int> values;
  values.resize(1);
  const int* before = values.data();
  values.resize(1'000'000);
  EXPECT_EQ(values.data(), before);
  EXPECT_FALSE(values.has_retired());
}

TEST(GrowableArray, OutgrownReservationsStayReadableUntilReleased) {
  GrowableArray<std::uint64_t> values;
  values.resize(1000);
  std::iota(values.data(), values.data() + 1000, std::uint64_t{0});
  const std::uint64_t* before = values.data();
  values.resize((std::size_t{1} << 27U) + (std::size_t{1} << 20U));  // past the first GiB
  ASSERT_NE(values.data(), before);
  EXPECT_TRUE(values.has_retired());
  EXPECT_EQ(before[999], 999U);
  EXPECT_EQ(values[999], 999U);
  EXPECT_EQ(values[values.size() - 1], 0U);
  values.release_retired();
  EXPECT_FALSE(values.has_retired());
}

TEST(GrowableArray, ImpossibleSizesAreRefusedAndChangeNothing) {
  GrowableArray<std::uint64_t> values;
  values.resize(3);
  values[2] = 5;
  EXPECT_THROW(values.resize(std::size_t{1} << 60U), std::bad_alloc);
  EXPECT_EQ(values.size(), 3U);
  EXPECT_EQ(values[2], 5U);
}

}  // namespace
}  // namespace vecinal
