#include "index/copy_delta.hpp"

#include <gtest/gtest.h>

namespace vecinal::test {
namespace {

using Slots = std::vector<Slot>;
using Nodes = std::vector<ChangedRow>;

TEST(CopyDelta, SufficesForNothingAtFirst) {
  CopyDelta delta;
  EXPECT_FALSE(delta.suffices(0));
  delta.add({}, Nodes{1}, 100);
  EXPECT_FALSE(delta.suffices(0));
  delta.restart(7);
  EXPECT_TRUE(delta.suffices(7));
  EXPECT_FALSE(delta.suffices(6));
  EXPECT_FALSE(delta.suffices(8));
}

TEST(CopyDelta, ListsWhatIsThereOnceAndInOrder) {
  CopyDelta delta;
  delta.restart(1);
  delta.add(Slots{9, 3}, Nodes{5, 3}, 100);
  delta.add(Slots{40}, Nodes{9, 50}, 100);
  EXPECT_TRUE(delta.suffices(1));
  EXPECT_EQ(delta.rows(40), (Slots{3, 9}));
  EXPECT_EQ(delta.nodes(50), (Slots{3, 5, 9, 40}));
  delta.restart(2);
  EXPECT_TRUE(delta.rows(100).empty());
  EXPECT_TRUE(delta.nodes(100).empty());
}

TEST(CopyDelta, ALongListIsEverything) {
  CopyDelta delta;
  delta.restart(1);
  delta.add(Slots{1, 2}, Nodes{3, 4, 5}, 10);
  EXPECT_TRUE(delta.suffices(1));
  delta.add({}, Nodes{6}, 10);
  EXPECT_FALSE(delta.suffices(1));
  delta.restart(2);
  delta.add_everything();
  EXPECT_FALSE(delta.suffices(2));
}

}  // namespace
}  // namespace vecinal::test
