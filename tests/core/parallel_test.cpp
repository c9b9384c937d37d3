#include "core/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace vecinal {
namespace {

TEST(ParallelFor, EveryIndexIsVisitedOnce) {
  for (const unsigned threads : {1U, 2U, 7U}) {
    for (const std::size_t count : {0U, 1U, 5U, 1000U}) {
      std::vector<std::atomic<int>> visits(count);
      parallel_for({.count = count, .grain = 3, .threads = threads},
                   [&](std::size_t begin, std::size_t end, unsigned worker) {
                     EXPECT_LT(worker, threads);
                     for (std::size_t i = begin; i < end; ++i) ++visits[i];
                   });
      for (const auto& visit : visits) EXPECT_EQ(visit, 1);
    }
  }
}

TEST(ParallelFor, TheFirstExceptionStopsTheLoopAndIsPassedOn) {
  std::atomic<int> ranges{0};
  EXPECT_THROW(parallel_for({.count = 100000, .grain = 1, .threads = 3},
                            [&](std::size_t, std::size_t, unsigned) {
                              const int range = ++ranges;
                              if (range == 10) throw std::runtime_error("stop");
                              // Unwinding takes a while; the others must not be done by then.
                              if (range > 10)
                                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                            }),
               std::runtime_error);
  EXPECT_LT(ranges, 100000);
}

TEST(ParallelFor, TheCallerAloneWatches) {
  const auto caller = std::this_thread::get_id();
  std::size_t last = 0;
  parallel_for(
      {.count = 500, .grain = 5, .threads = 2}, [](std::size_t, std::size_t, unsigned) {},
      [&](std::size_t done) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        EXPECT_LE(done, 500U);
        last = done;
      });
  EXPECT_EQ(last, 500U);
}

TEST(ParallelFor, TheCallerHearsOfWhatOthersDoLast) {
  std::atomic<bool> helped{false};
  std::atomic<bool> watched{false};
  const auto wait_for = [](const std::atomic<bool>& flag) {
    while (!flag) std::this_thread::yield();
  };
  std::vector<std::size_t> told;
  parallel_for(
      {.count = 2, .grain = 1, .threads = 2},
      [&](std::size_t, std::size_t, unsigned worker) {
        if (worker == 0) return wait_for(helped);
        helped = true;
        wait_for(watched);
      },
      [&](std::size_t done) {
        told.push_back(done);
        watched = true;
      });
  EXPECT_EQ(told, (std::vector<std::size_t>{1, 2}));
}

TEST(ParallelFor, TheLastWatchMayStillFailTheLoop) {
  EXPECT_THROW(
      parallel_for(
          {.count = 64, .grain = 1, .threads = 2}, [](std::size_t, std::size_t, unsigned) {},
          [](std::size_t done) {
            if (done == 64) throw std::runtime_error("stop");
          }),
      std::runtime_error);
}

}  // namespace
}  // namespace vecinal
