#include "backend/near_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>

namespace vecinal::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

std::set<Slot> slots_of(const NearRows& near) {
  std::set<Slot> slots;
  for (const NearRows::Row& row : near.rows()) slots.insert(row.slot);
  return slots;
}

/// Rows with a score each, and bounds around it.
std::vector<NearRows::Row> random_rows(std::size_t count, float width, std::vector<float>& scores) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> score(0, 100);
  std::uniform_real_distribution<float> share(0, 1);
  std::vector<NearRows::Row> rows;
  for (std::size_t i = 0; i < count; ++i) {
    scores.push_back(score(random));
    const float below = width * share(random);
    rows.push_back({scores[i] - below, scores[i] + width * share(random), static_cast<Slot>(i)});
  }
  return rows;
}

TEST(NearRows, HoldAllThatMayBeAmongTheBest) {
  for (const std::size_t count : {0U, 1U, 9U, 10U, 11U, 500U, 5000U})
    for (const float width : {0.0F, 0.5F, 20.0F, 300.0F}) {
      std::vector<float> scores;
      const std::vector<NearRows::Row> rows = random_rows(count, width, scores);
      constexpr std::size_t k = 10;
      NearRows near;
      near.reset(k, 0);
      float limit = infinity;
      for (const NearRows::Row& row : rows)
        if (row.least <= limit) limit = near.add(row, limit);
      near.shrink();
      const std::set<Slot> held = slots_of(near);
      std::sort(scores.begin(), scores.end());
      for (const NearRows::Row& row : rows) {
        if (count < k) {
          EXPECT_TRUE(held.contains(row.slot));
          continue;
        }
        // Its score is between its bounds: the k best have scores up to the k-th.
        std::vector<float> greatest;
        for (const NearRows::Row& other : rows) greatest.push_back(other.greatest);
        std::nth_element(greatest.begin(), greatest.begin() + k - 1, greatest.end());
        EXPECT_EQ(held.contains(row.slot), row.least <= greatest[k - 1]);
        if (count > 500) break;
      }
    }
}

TEST(NearRows, DoubtWidensTheLimitOnBothSides) {
  NearRows near;
  near.reset(1, 0.5F);
  for (const float score : {1.0F, 1.9F, 2.0F, 2.1F})
    static_cast<void>(near.add({score, score, static_cast<Slot>(score * 10)}, infinity));
  EXPECT_EQ(near.shrink(), 2.0F);
  EXPECT_EQ(slots_of(near), (std::set<Slot>{10, 19, 20}));
}

TEST(NearRows, BeginAnewWhenReset) {
  NearRows near;
  near.reset(2, 0);
  static_cast<void>(near.add({1, 2, 3}, infinity));
  near.reset(2, 0);
  EXPECT_EQ(near.shrink(), infinity);
  EXPECT_TRUE(near.rows().empty());
}

}  // namespace
}  // namespace vecinal::test
