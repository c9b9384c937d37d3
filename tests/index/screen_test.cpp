#include "index/screen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace vecinal {
namespace {

std::vector<Slot> ascending(std::span<const Slot> slots) {
  std::vector<Slot> sorted(slots.begin(), slots.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

TEST(Screen, TheBestLeadAndWhatComesNearThemIsTakenAgain) {
  const std::vector<Slot> slots{7, 3, 9, 1, 5};
  const std::vector<float> coarse{10, 8, 9, 7.2F, 4};
  Screen screen(slots, coarse, 2);
  EXPECT_EQ(ascending(screen.leaders()), (std::vector<Slot>{7, 9}));
  // Off by .3 both: four times that below the worse leader is 7.5.
  std::vector<float> fine;
  for (const Slot slot : screen.leaders()) fine.push_back(slot == 7 ? 10.3F : 8.7F);
  EXPECT_EQ(ascending(screen.rivals(fine)), (std::vector<Slot>{3}));
}

TEST(Screen, ExactScoresLeaveNoRivalsButEquals) {
  const std::vector<Slot> slots{4, 2, 8, 6};
  const std::vector<float> scores{1, 1, 1, 0};
  Screen screen(slots, scores, 2);
  EXPECT_EQ(ascending(screen.leaders()), (std::vector<Slot>{2, 4}));  // the first of equals
  EXPECT_EQ(ascending(screen.rivals(std::vector<float>{1, 1})), (std::vector<Slot>{8}));
}

TEST(Screen, FewCandidatesAllLead) {
  for (const std::size_t count : {0U, 1U, 3U}) {
    const std::vector<Slot> slots{5, 6, 7};
    const std::vector<float> scores{1, 2, 3};
    const auto some = std::span<const float>(scores).first(count);
    Screen screen(std::span<const Slot>(slots).first(count), some, 3);
    EXPECT_EQ(screen.leaders().size(), count);
    EXPECT_TRUE(screen.rivals(some).empty());
  }
}

TEST(Screen, TheBestOfNoisyScoresAreFound) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 1);
  for (int round = 0; round < 50; ++round) {
    constexpr std::size_t count = 500;
    constexpr std::size_t k = 10;
    std::vector<Slot> slots(count);
    std::vector<float> exact(count);
    std::vector<float> coarse(count);
    for (std::size_t i = 0; i < count; ++i) {
      slots[i] = static_cast<Slot>(i);
      exact[i] = normal(random);
      coarse[i] = exact[i] + 0.05F * normal(random);
    }
    Screen screen(slots, coarse, k);
    std::vector<float> fine;
    for (const Slot slot : screen.leaders()) fine.push_back(exact[slot]);
    std::vector<Slot> taken(screen.leaders().begin(), screen.leaders().end());
    for (const Slot slot : screen.rivals(fine)) taken.push_back(slot);
    EXPECT_LT(taken.size(), count / 4);
    std::sort(slots.begin(), slots.end(), [&](Slot a, Slot b) { return exact[a] > exact[b]; });
    for (std::size_t i = 0; i < k; ++i)
      EXPECT_EQ(std::count(taken.begin(), taken.end(), slots[i]), 1) << "round " << round;
  }
}

}  // namespace
}  // namespace vecinal
