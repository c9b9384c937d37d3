#include "core/find_first.hpp"

#include <gtest/gtest.h>

namespace vecinal {
namespace {

TEST(FindFirst, FindsTheLeastForAnyNumberOfThreads) {
  constexpr std::size_t count = 1000;
  for (const unsigned threads : {1U, 2U, 7U})
    for (const std::size_t first : {0U, 1U, 499U, 999U}) {
      const auto holds = [&](std::size_t i) { return i == first || (i > first && i % 3 == 0); };
      EXPECT_EQ(find_first({.count = count, .grain = 10, .threads = threads}, holds), first);
    }
}

TEST(FindFirst, IsTheCountIfNothingHolds) {
  const auto never = [](std::size_t) { return false; };
  EXPECT_EQ(find_first({.count = 1000, .grain = 10, .threads = 3}, never), 1000U);
  EXPECT_EQ(find_first({.count = 0, .threads = 3}, never), 0U);
}

}  // namespace
}  // namespace vecinal
