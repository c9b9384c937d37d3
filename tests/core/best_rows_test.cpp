#include "core/best_rows.hpp"

#include <gtest/gtest.h>

#include <random>

namespace vecinal {
namespace {

/// Scores with many ties.
std::vector<Scored> drawn(std::size_t count, int different, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> score(0, different - 1);
  std::vector<Scored> rows;
  for (Slot slot = 0; slot < count; ++slot)
    rows.push_back({static_cast<float>(score(random)), slot});
  return rows;
}

/// By sorting.
std::vector<Scored> expected(std::vector<Scored> rows, std::size_t k, float margin) {
  std::sort(rows.begin(), rows.end());
  if (rows.size() < k) return rows;
  const float limit = rows[k - 1].score + margin;
  std::erase_if(rows, [&](const Scored& row) { return row.score > limit; });
  return rows;
}

std::vector<Scored> sorted(std::span<const Scored> rows) {
  std::vector<Scored> all(rows.begin(), rows.end());
  std::sort(all.begin(), all.end());
  return all;
}

TEST(BestRows, AreThoseThatSortingFinds) {
  for (const int different : {1, 3, 50, 10'000})
    for (const std::size_t count : {0U, 1U, 5U, 6U, 400U})
      for (const std::size_t k : {1U, 5U, 6U, 100U})
        for (const float margin : {0.0F, 2.0F}) {
          std::vector<Scored> rows = drawn(count, different, 7);
          const std::vector<Scored> wanted = expected(rows, k, margin);
          BestRows best;
          best.reset(k, margin);
          float limit = std::numeric_limits<float>::infinity();
          for (const Scored& row : rows)
            if (row.score <= limit) limit = best.add(row, limit);
          best.shrink();
          EXPECT_EQ(sorted(best.found()), wanted);
          const std::span<Scored> at_once = best_of(rows, k, margin);
          EXPECT_EQ(sorted(at_once), wanted);
          if (count >= k) {
            EXPECT_EQ(rows[k - 1].score, wanted[k - 1].score);
          }
        }
}

TEST(BestRows, BeginsAnewWhenReset) {
  BestRows best;
  best.reset(2, 0);
  best.add({1, 1}, std::numeric_limits<float>::infinity());
  best.reset(1, 0);
  EXPECT_TRUE(best.found().empty());
}

}  // namespace
}  // namespace vecinal
