#include "core/progress.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace vecinal {
namespace {

struct Call {
  std::size_t done;
  std::size_t total;
  friend bool operator==(const Call&, const Call&) = default;
};

/// Notes each call, and takes so long that the meter never leaves one out.
class Slow {
 public:
  [[nodiscard]] Progress callback() {
    return [this](std::size_t done, std::size_t total) {
      calls.push_back({done, total});
      std::this_thread::sleep_for(std::chrono::milliseconds(51));
      return true;
    };
  }
  std::vector<Call> calls;
};

TEST(ProgressMeter, CallsBackAtOnceThenRarelyAndInTheEnd) {
  std::vector<Call> calls;
  const Progress progress = [&](std::size_t done, std::size_t total) {
    calls.push_back({done, total});
    return true;
  };
  ProgressMeter meter(progress, 10);
  for (std::size_t i = 1; i < 10; ++i) meter.update(i);
  meter.finish();
  EXPECT_EQ(calls, (std::vector<Call>{{1, 10}, {10, 10}}));
}

TEST(ProgressMeter, FalseIsCancelledButInTheEndItIsTooLate) {
  const Progress progress = [](std::size_t, std::size_t) { return false; };
  ProgressMeter meter(progress, 10);
  EXPECT_THROW(meter.update(0), Cancelled);
  meter.finish();
}

TEST(ProgressMeter, WithoutACallbackNothingIsTold) {
  const Progress none;
  ProgressMeter meter(none, 10);
  meter.update(1);
  meter.finish();
  EXPECT_EQ(meter.total(), 10U);
}

TEST(Stretch, StepsOfATaskShareTheWay) {
  Slow slow;
  const Progress progress = slow.callback();
  ProgressMeter meter(progress, 1000);
  const Stretch all(meter);
  all.part(0, .25).update(1, 2);
  all.part(.25, 1).part(0, .5).update(0, 7);
  all.part(.25, 1).part(0, .5).update(7, 7);
  all.part(.5, 1).update(0, 0);  // a step with nothing to do is done
  EXPECT_EQ(slow.calls, (std::vector<Call>{{125, 1000}, {250, 1000}, {625, 1000}, {1000, 1000}}));
}

TEST(Stretch, StepsTellNowAndThen) {
  Slow slow;
  const Progress progress = slow.callback();
  ProgressMeter meter(progress, 3000);
  for (std::size_t i = 0; i < 3000; ++i) Stretch(meter).step(i, 3000);
  EXPECT_EQ(slow.calls, (std::vector<Call>{{0, 3000}, {1024, 3000}, {2048, 3000}}));
}

TEST(Stretch, OfNoMeterTellsNobody) {
  const Stretch none;
  none.part(0, .5).update(1, 2);
  none.step(0, 1);
}

}  // namespace
}  // namespace vecinal
