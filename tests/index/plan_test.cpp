#include "index/plan.hpp"

#include <gtest/gtest.h>

namespace vecinal {
namespace {

PlanInputs inputs(std::size_t rows, std::size_t allowed, std::size_t queries, bool fused = false) {
  return {rows, allowed, queries, {.window = 64, .capacity = 64}, fused};
}

TEST(Plan, FewAllowedRowsAreScannedAndMostAreWalkedThrough) {
  for (const bool fused : {false, true})
    for (const std::size_t queries : {1U, 100U}) {
      EXPECT_EQ(cheapest_plan(inputs(1'000'000, 1'000, queries, fused)), Plan::scan);
      EXPECT_EQ(cheapest_plan(inputs(1'000'000, 100'000, queries, fused)), Plan::bridge);
      EXPECT_EQ(cheapest_plan(inputs(1'000'000, 900'000, queries, fused)), Plan::inside);
    }
}

TEST(Plan, ManyQueriesShareAScan) {
  EXPECT_EQ(cheapest_plan(inputs(200'000, 20'000, 1)), Plan::bridge);
  EXPECT_EQ(cheapest_plan(inputs(200'000, 20'000, 1'000)), Plan::scan);
}

TEST(Plan, FusedRowsAreWalkedPastMoreRejectedOnes) {
  EXPECT_EQ(cheapest_plan(inputs(1'000'000, 300'000, 1, false)), Plan::bridge);
  EXPECT_EQ(cheapest_plan(inputs(1'000'000, 300'000, 1, true)), Plan::inside);
}

TEST(Plan, AWiderBeamScansMore) {
  PlanInputs wide = inputs(100'000, 20'000, 1);
  wide.breadth = {.window = 1'000, .capacity = 1'000};
  EXPECT_EQ(cheapest_plan(inputs(100'000, 20'000, 1)), Plan::bridge);
  EXPECT_EQ(cheapest_plan(wide), Plan::scan);
}

TEST(Plan, NamesComeBack) {
  for (const Plan plan : {Plan::automatic, Plan::walk, Plan::inside, Plan::bridge, Plan::scan})
    EXPECT_EQ(parse_plan(name(plan)), plan);
  EXPECT_THROW((void)parse_plan("best"), std::invalid_argument);
}

}  // namespace
}  // namespace vecinal
