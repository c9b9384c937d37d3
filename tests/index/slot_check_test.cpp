// What check_slots() refuses, and with it check() and whoever loads an index: each rule broken
// alone, by hand. Loading refuses some of these files for other reasons before.
#include "index/slot_check.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vecinal {
namespace {

/// Slots 0 to 3: 0 to 2 hold the items 10, 11 and 12, and 3 is free.
struct World {
  World() {
    ids.ids().resize(4);
    for (Slot slot = 0; slot < 4; ++slot) ids.ids()[slot] = 10 + slot;
    population.resize(4);
    population.add(std::vector<Slot>{0, 1, 2});
    ids.rebuild([&](Slot slot) { return population.contains(slot); });
    graph->grow(4);
    graph->layer(0).set_row(0, std::vector<Node>{1, 2});
    graph->layer(0).set_row(1, std::vector<Node>{0});
    graph->layer(0).set_row(2, std::vector<Node>{0});
    graph->layer(0).publish(4);
    graph->set_root(0);
    graph->set_parent(1, 0);
    graph->set_parent(2, 0);
    graph->set_levels(1);
  }

  [[nodiscard]] std::vector<std::string> check() const {
    return check_slots({rows, size, graph.get(), ids, population, free}, {});
  }

  std::size_t rows = 4;
  std::size_t size = 3;
  std::unique_ptr<Graph> graph = std::make_unique<Graph>(4);
  IdMap ids;
  Population population;
  std::vector<Slot> free = {3};
};

void expect_fault(const std::function<void(World&)>& damage, const std::string& fault) {
  World world;
  damage(world);
  const std::vector<std::string> found = world.check();
  ASSERT_FALSE(found.empty()) << fault;
  EXPECT_EQ(found.front(), fault);
}

TEST(SlotCheck, FindsNothingWrongWithASoundIndex) {
  World world;
  EXPECT_EQ(world.check(), std::vector<std::string>{});
  world.graph = nullptr;
  EXPECT_EQ(world.check(), std::vector<std::string>{}) << "there need be no graph";
}

TEST(SlotCheck, ThereAreAsManyNodesIdsAndSlotsAsRows) {
  expect_fault([](World& w) { w.rows = 5; }, "graph: 4 nodes for 5 rows");
  expect_fault(
      [](World& w) {
        w.graph->grow(5);
        w.graph->layer(0).publish(5);
      },
      "graph: 5 nodes for 4 rows");
  expect_fault([](World& w) { w.ids.ids().resize(3); }, "ids: 3 ids for 4 rows");
  expect_fault([](World& w) { w.population.resize(5); }, "live: 5 slots for 4 rows");
}

TEST(SlotCheck, TheGraphIsSound) {
  expect_fault([](World& w) { w.graph->set_parent(2, 1); },
               "graph: slot 2 and its parent 1 are not linked both ways");
}

TEST(SlotCheck, ItemsAreCountedAndInNoFreeSlot) {
  expect_fault([](World& w) { w.size = 2; }, "live: 3 set, 2 counted");
  expect_fault([](World& w) { w.free = {3, 1}; }, "live: slot 1 is free");
}

TEST(SlotCheck, ItemsAreInTheGraph) {
  expect_fault(
      [](World& w) {
        w.population.add(std::vector<Slot>{3});
        w.size = 4;
        w.free.clear();
      },
      "graph: slot 3 is not in the graph");
}

TEST(SlotCheck, IdsLeadToTheirSlots) {
  expect_fault([](World& w) { w.ids.ids()[1] = 12; }, "ids: id 12 does not lead to its slot 1");
  expect_fault([](World& w) { w.ids.ids()[1] = 99; }, "ids: id 99 does not lead to its slot 1");
  expect_fault([](World& w) { w.ids.ids()[1] = -1; }, "ids: id -1 does not lead to its slot 1");
}

}  // namespace
}  // namespace vecinal
