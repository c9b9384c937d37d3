#include "core/visited_set.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace vecinal {
namespace {

TEST(VisitedSet, TellsWhatIsNew) {
  std::mt19937 random(1);
  VisitedSet visited;
  for (const std::size_t count : {1U, 63U, 64U, 65U, 1000U, 100U}) {
    for (int round = 0; round < 5; ++round) {
      visited.reset(count);
      std::set<Slot> expected;
      const VisitedSet::Inserter insert(visited);
      for (std::size_t i = 0; i < 2 * count; ++i) {
        const auto slot = static_cast<Slot>(random() % count);
        EXPECT_EQ(visited.contains(slot), expected.contains(slot));
        EXPECT_EQ(insert(slot), expected.insert(slot).second);
      }
      for (Slot slot = 0; slot < count; ++slot)
        EXPECT_EQ(visited.contains(slot), expected.contains(slot));
    }
  }
}

}  // namespace
}  // namespace vecinal
