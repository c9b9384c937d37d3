#include "core/extents.hpp"

#include <gtest/gtest.h>

namespace vecinal {
namespace {

TEST(FreeExtents, NeighboursBecomeOneAndTheSmallestThatHoldsIsTaken) {
  FreeExtents free;
  free.give({10, 14});
  free.give({20, 23});
  free.give({30, 30});
  EXPECT_EQ(free.take(3), Slot{20});
  EXPECT_EQ(free.take(5), std::nullopt);
  free.give({14, 16});
  EXPECT_EQ(free.take(5), Slot{10});
  EXPECT_EQ(free.take(2), std::nullopt);
  EXPECT_EQ(free.take(1), Slot{15});
}

}  // namespace
}  // namespace vecinal
