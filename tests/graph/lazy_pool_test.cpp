#include "graph/lazy_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <vector>

namespace vecinal {
namespace {

constexpr std::uint32_t all = ~std::uint32_t{0};

TEST(LazyPool, PopsEachNodeOnceBestFirst) {
  LazyPool pool;
  pool.reset(32, 32);
  std::array<float, 32> scores;
  std::array<Node, 32> nodes;
  for (Node i = 0; i < 32; ++i) {
    scores[i] = static_cast<float>((i * 7) % 32);
    nodes[i] = i / 2;  // every node twice: the better estimate counts
  }
  pool.offer(scores.data(), nodes.data(), all, 100);
  std::set<Slot> seen;
  float before = -1;
  for (Scored best = pool.pop(); best.slot != no_slot; best = pool.pop()) {
    EXPECT_GE(best.score, before);
    EXPECT_TRUE(seen.insert(best.slot).second);
    EXPECT_EQ(best.score, std::min(scores[2 * best.slot], scores[2 * best.slot + 1]));
    before = best.score;
    pool.credit(best.score);
  }
  EXPECT_EQ(seen.size(), 16U);
  pool.offer(scores.data(), nodes.data(), all, 100);
  EXPECT_EQ(pool.pop().slot, no_slot) << "expanded nodes do not come again";
}

TEST(LazyPool, PeeksAtTheNodeThatPopGivesNext) {
  LazyPool pool;
  pool.reset(32, 32);
  EXPECT_EQ(pool.peek(), no_slot);
  const std::array<float, 6> scores = {3, 1, 2, 1.5F, 4, 2.5F};
  const std::array<Node, 6> nodes = {30, 10, 20, 10, 10, 20};
  pool.offer(scores.data(), nodes.data(), 63, 100);
  for (const Node expected : {10U, 20U, 30U}) {
    EXPECT_EQ(pool.peek(), expected) << "not a copy of one that was expanded";
    EXPECT_EQ(pool.peek(), expected) << "it stays";
    EXPECT_EQ(pool.pop().slot, expected);
  }
  EXPECT_EQ(pool.peek(), no_slot);
}

TEST(LazyPool, PeekingChangesNothing) {
  std::mt19937 random(9);
  LazyPool peeked;
  LazyPool other;
  peeked.reset(20, 30);
  other.reset(20, 30);
  for (int round = 0; round < 60; ++round) {
    std::array<float, 32> scores;
    std::array<Node, 32> nodes;
    for (std::size_t i = 0; i < 32; ++i) {
      nodes[i] = static_cast<Node>(random() % 80);  // few nodes: many copies
      scores[i] = static_cast<float>(nodes[i]) + static_cast<float>(random() % 100) * 0.01F;
    }
    peeked.offer(scores.data(), nodes.data(), all, 100);
    other.offer(scores.data(), nodes.data(), all, 100);
    (void)peeked.peek();
    ASSERT_EQ(peeked.limit(), other.limit()) << round;
    const Scored best = other.pop();
    ASSERT_EQ(peeked.pop(), best) << round;
    (void)peeked.peek();
    if (best.slot == no_slot) continue;
    peeked.credit(best.score);
    other.credit(best.score);
  }
}

TEST(LazyPool, IgnoresNodesThatTheGraphDoesNotHave) {
  LazyPool pool;
  pool.reset(4, 4);
  const std::array<float, 3> scores = {1, 2, 3};
  const std::array<Node, 3> nodes = {no_slot, 10, 9};
  pool.offer(scores.data(), nodes.data(), 7, 10);
  EXPECT_EQ(pool.pop().slot, 9U);
  EXPECT_EQ(pool.pop().slot, no_slot);
}

/// Against a plain list: a pool that is thinned out still pops the best, as long as the beam says.
TEST(LazyPool, ThinningOutLosesNothingTheBeamWants) {
  std::mt19937 random(3);
  for (const std::size_t beam : {1U, 5U, 32U, 200U}) {
    LazyPool pool;
    pool.reset(beam, beam);
    std::vector<Scored> offered;
    Node next = 0;
    for (int round = 0; round < 40; ++round) {
      std::array<float, 32> scores;
      std::array<Node, 32> nodes;
      std::uint32_t which = 0;
      for (std::size_t i = 0; i < 32; ++i) {
        scores[i] = static_cast<float>(random() % 100'000);
        nodes[i] = next++;
        offered.push_back({scores[i], nodes[i]});
        if (scores[i] <= pool.limit()) which |= 1U << i;
      }
      pool.offer(scores.data(), nodes.data(), which, next);
    }
    std::sort(offered.begin(), offered.end());
    std::vector<float> popped;
    for (Scored best = pool.pop(); best.slot != no_slot; best = pool.pop()) {
      popped.push_back(best.score);
      pool.credit(best.score);
    }
    ASSERT_GE(popped.size(), beam);
    for (std::size_t i = 0; i < beam; ++i) EXPECT_EQ(popped[i], offered[i].score);
  }
}

TEST(LazyPool, ManyTiesDoNotOverflow) {
  LazyPool pool;
  pool.reset(8, 8);
  std::array<float, 32> scores;
  std::array<Node, 32> nodes;
  scores.fill(1.5F);
  for (Node round = 0; round < 100; ++round) {
    for (Node i = 0; i < 32; ++i) nodes[i] = round * 32 + i;
    pool.offer(scores.data(), nodes.data(), all, 1'000'000);
  }
  std::size_t popped = 0;
  for (; pool.pop().slot != no_slot; ++popped) pool.credit(1.5F);
  EXPECT_GE(popped, 8U);
}

TEST(LazyPool, TheRestAreTheBestNotExpandedWithinTheLimit) {
  LazyPool pool;
  pool.reset(2, 32);
  std::array<float, 32> scores;
  std::array<Node, 32> nodes;
  for (Node i = 0; i < 32; ++i) {
    scores[i] = static_cast<float>(i / 2);
    nodes[i] = i / 2;
  }
  pool.offer(scores.data(), nodes.data(), all, 100);
  std::vector<Node> expanded;
  for (Scored best = pool.pop(); best.slot != no_slot; best = pool.pop()) {
    expanded.push_back(best.slot);
    pool.credit(best.score);
  }
  EXPECT_EQ(expanded, (std::vector<Node>{0, 1}));
  const auto found = pool.rest(6, 100);
  std::vector<Node> rest(found.begin(), found.end());
  std::sort(rest.begin(), rest.end());
  EXPECT_EQ(rest, (std::vector<Node>{2, 3, 4, 5, 6}));
  EXPECT_TRUE(pool.rest(100, 100).empty());
  LazyPool again;
  again.reset(2, 32);
  again.offer(scores.data(), nodes.data(), all, 100);
  const auto three = again.rest(6, 3);
  EXPECT_EQ(std::vector<Node>(three.begin(), three.end()), (std::vector<Node>{0, 1, 2}));
}

TEST(LazyPool, CollidingNodesAreStillExpandedOnce) {
  LazyPool pool;
  pool.reset(300, 300);
  std::set<Slot> seen;
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::array<float, 32> scores;
    std::array<Node, 32> nodes;
    for (std::size_t i = 0; i < 32; ++i) {
      scores[i] = static_cast<float>(random() % 1000);
      nodes[i] = static_cast<Node>(random() % 500) * 65536U;  // far apart, few places
    }
    pool.offer(scores.data(), nodes.data(), all, no_slot);
    const Scored best = pool.pop();
    if (best.slot == no_slot) break;
    EXPECT_TRUE(seen.insert(best.slot).second);
    pool.credit(best.score);
  }
}

}  // namespace
}  // namespace vecinal
