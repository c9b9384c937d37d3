#include "core/parallel_sort.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <random>

namespace vecinal {
namespace {

TEST(ParallelSort, SortsAnyNumberOfValuesOnAnyNumberOfThreads) {
  std::mt19937 random(5);
  for (const std::size_t count : {0U, 1U, 4095U, 8192U, 50'001U}) {
    std::vector<std::uint32_t> values(count);
    for (std::uint32_t& value : values) value = static_cast<std::uint32_t>(random());
    std::vector<std::uint32_t> expected = values;
    std::sort(expected.begin(), expected.end(), std::greater<>());
    for (const unsigned threads : {1U, 2U, 3U, 8U}) {
      std::vector<std::uint32_t> sorted = values;
      parallel_sort(sorted, threads, std::greater<>());
      EXPECT_EQ(sorted, expected) << count << " values, " << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace vecinal
