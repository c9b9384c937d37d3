#include "core/id_map.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace vecinal {
namespace {

const auto all_live = [](Slot) { return true; };

void add(IdMap& map, const std::vector<Id>& ids) {
  std::vector<Slot> slots(ids.size());
  std::iota(slots.begin(), slots.end(), static_cast<Slot>(map.slots()));
  map.prepare(slots, ids, all_live);
  map.assign(slots, ids);
}

TEST(IdMap, DefaultNumbersNeedNoMap) {
  IdMap map;
  std::vector<Id> ids(1000);
  std::iota(ids.begin(), ids.end(), 0);
  add(map, ids);
  EXPECT_EQ(map.find(999), Slot{999});
  EXPECT_EQ(map.find(1000), std::nullopt);
  EXPECT_EQ(map.find(-1), std::nullopt);
  EXPECT_EQ(map.bytes(), map.ids().bytes());
  EXPECT_EQ(map.next_id(), 1000);
}

TEST(IdMap, OtherNumbersAreFoundAndForgotten) {
  IdMap map;
  add(map, {0, 1, 2});
  add(map, {50, 3, INT64_MAX});
  EXPECT_EQ(map.find(1), Slot{1});
  EXPECT_EQ(map.find(50), Slot{3});
  EXPECT_EQ(map.find(INT64_MAX), Slot{5});
  EXPECT_EQ(map.next_id(), INT64_MAX);
  map.forget(50);
  EXPECT_EQ(map.find(50), std::nullopt);
}

TEST(IdMap, LeavingTheDefaultNumbersSkipsWhatDoesNotLive) {
  IdMap map;
  add(map, {0, 1, 2});
  const auto without_one = [](Slot slot) { return slot != 1; };
  const std::vector<Slot> slots = {3};
  const std::vector<Id> again = {1};
  map.prepare(slots, again, without_one);
  map.assign(slots, again);
  EXPECT_EQ(map.find(1), Slot{3});
  EXPECT_EQ(map.find(2), Slot{2});
}

TEST(IdMap, SlotsThatWereUsedBeforeGetOtherIds) {
  IdMap map;
  add(map, {0, 1, 2});
  const std::vector<Slot> slots = {1, 3};
  const std::vector<Id> ids = {7, 8};
  map.prepare(slots, ids, [](Slot slot) { return slot != 1; });
  map.assign(slots, ids);
  EXPECT_EQ(map.slots(), 4U);
  EXPECT_EQ(map.find(1), std::nullopt);
  EXPECT_EQ(map.find(7), Slot{1});
  EXPECT_EQ(map.find(8), Slot{3});
  EXPECT_EQ(map.find(2), Slot{2});
}

TEST(IdMap, TheDefaultNumberComingBackToItsSlotNeedsNoMap) {
  IdMap map;
  add(map, {0, 1, 2});
  const std::vector<Slot> slots = {1};
  const std::vector<Id> ids = {1};
  map.prepare(slots, ids, [](Slot slot) { return slot != 1; });
  map.assign(slots, ids);
  EXPECT_EQ(map.find(1), Slot{1});
  EXPECT_EQ(map.bytes(), map.ids().bytes());
}

}  // namespace
}  // namespace vecinal
