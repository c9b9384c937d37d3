#include "graph/pool.hpp"

#include <gtest/gtest.h>

#include <random>

namespace vecinal {
namespace {

TEST(Pool, KeepsTheBestInTotalOrder) {
  std::mt19937 random(1);
  for (const std::size_t capacity : {1U, 2U, 10U, 64U}) {
    Pool pool;
    pool.reset(capacity, capacity);
    std::vector<Scored> all;
    for (Slot node = 0; node < 300; ++node) {
      const Scored next{static_cast<float>(static_cast<int>(random() % 41)) - 20.0F, node};
      all.push_back(next);
      pool.insert(next.score, next.slot);
    }
    std::sort(all.begin(), all.end());
    ASSERT_EQ(pool.size(), capacity);
    for (std::size_t i = 0; i < capacity; ++i) EXPECT_EQ(pool[i], all[i]);
  }
}

TEST(Pool, PopsEachEntryOnceBestFirst) {
  Pool pool;
  pool.reset(4, 4);
  pool.insert(3, 30);
  pool.insert(1, 10);
  EXPECT_EQ(pool.pop().slot, 10U);
  pool.insert(0.5F, 5);
  pool.insert(2, 20);
  EXPECT_EQ(pool.peek(), 5U);
  EXPECT_EQ(pool.pop().slot, 5U);
  EXPECT_EQ(pool.pop().slot, 20U);
  EXPECT_EQ(pool.pop().slot, 30U);
  EXPECT_EQ(pool.pop().slot, no_slot);
  EXPECT_EQ(pool.peek(), no_slot);
}

TEST(Pool, ScoresSurviveTheirIntegerForm) {
  for (const float score : {-1e30F, -1.5F, -1e-40F, 0.0F, 1e-40F, 2.25F, 3e38F}) {
    Pool pool;
    pool.reset(1, 1);
    pool.insert(score, 7);
    EXPECT_EQ(pool[0].score, score);
    EXPECT_EQ(pool[0].slot, 7U);
  }
}

}  // namespace
}  // namespace vecinal
