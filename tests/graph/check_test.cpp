// What check() refuses, and with it whoever loads a graph: each rule broken alone, by hand.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.hpp"

namespace vecinal {
namespace {

void set_row(Graph& graph, std::uint32_t level, Node node, const std::vector<Node>& row) {
  graph.layer(level).set_row(node, row);
}

/// Slots 0 to 3: 0 is the root of 1 and 2, and 3 is no node. Level 1 has nodes for 0 and 2, and one
/// that was given back.
std::unique_ptr<Graph> sound() {
  auto graph = std::make_unique<Graph>(4);
  graph->grow(4);
  set_row(*graph, 0, 0, {1, 2});
  set_row(*graph, 0, 1, {0});
  set_row(*graph, 0, 2, {0});
  graph->layer(0).publish(4);
  graph->set_root(0);
  graph->set_parent(1, 0);
  graph->set_parent(2, 0);
  for (const Slot slot : {0U, 1U, 2U}) graph->set_twin(slot, slot);
  Layer& upper = graph->layer(1);
  upper.grow(3);
  upper.place(0, 0, 0);
  upper.place(1, 2, 2);
  set_row(*graph, 1, 0, {1});
  set_row(*graph, 1, 1, {0});
  upper.publish(3);
  upper.find_free();
  graph->set_levels(2);
  return graph;
}

void expect_fault(const std::function<void(Graph&)>& damage, const std::string& fault) {
  const auto graph = sound();
  damage(*graph);
  const std::vector<std::string> found = graph->check();
  ASSERT_FALSE(found.empty()) << fault;
  EXPECT_EQ(found.front(), fault);
}

TEST(Check, FindsNothingWrongWithASoundGraph) {
  EXPECT_EQ(sound()->check(), std::vector<std::string>{});
  EXPECT_EQ(Graph(4).check(), std::vector<std::string>{});
}

TEST(Check, PartsAreOfOneSize) {
  expect_fault([](Graph& g) { g.parents().resize(5); }, "graph: 5 parents, 4 twins, 4 nodes");
  expect_fault([](Graph& g) { g.twins().resize(3); }, "graph: 4 parents, 3 twins, 4 nodes");
  expect_fault([](Graph& g) { g.layer(0).publish(3); }, "graph: 4 parents, 4 twins, 3 nodes");
  expect_fault([](Graph& g) { g.layer(1).publish(0); }, "graph level 1 is empty");
}

TEST(Check, RowsHoldEachLinkOnceAndThenNone) {
  expect_fault([](Graph& g) { g.layer(0).links()[4 + 2] = 2; },
               "graph level 0: node 1 has a link after its end");
  expect_fault(
      [](Graph& g) {
        set_row(g, 0, 0, {1, 2, 1});
      },
      "graph level 0: node 0 links twice to a node");
  expect_fault([](Graph& g) { set_row(g, 0, 1, {0, 1}); }, "graph level 0: node 1 links to 1");
  expect_fault([](Graph& g) { set_row(g, 1, 1, {0, 3}); }, "graph level 1: node 1 links to 3");
}

TEST(Check, UpperNodesStandForTheSlotOfTheirNodeBelow) {
  const auto stands = [](const std::string& node, const std::string& slot,
                         const std::string& below) {
    return "graph level 1: node " + node + " stands for slot " + slot + " and node " + below +
           " below";
  };
  const std::string none = std::to_string(no_slot);
  expect_fault([](Graph& g) { g.layer(1).place(1, 4, 2); }, stands("1", "4", "2"));
  expect_fault([](Graph& g) { g.layer(1).place(1, 2, 4); }, stands("1", "2", "4"));
  expect_fault([](Graph& g) { g.layer(1).place(1, 3, 3); }, stands("1", "3", "3"));
  expect_fault([](Graph& g) { g.layer(1).place(2, no_slot, 1); }, stands("2", none, "1"));
  expect_fault([](Graph& g) { set_row(g, 1, 2, {0}); }, stands("2", none, none));
  expect_fault([](Graph& g) { g.layer(1).place(1, 2, 1); },
               "graph level 1: node 1 and its node below stand for different slots");
}

TEST(Check, LinksLeadToNodes) {
  expect_fault(
      [](Graph& g) {
        set_row(g, 0, 2, {0, 3});
      },
      "graph level 0: node 2 links to 3, which is no node");
  expect_fault(
      [](Graph& g) {
        set_row(g, 1, 1, {0, 2});
      },
      "graph level 1: node 1 links to 2, which is no node");
}

TEST(Check, RingsClose) {
  const std::string broken = " is in a broken ring of twins";
  expect_fault([](Graph& g) { g.twins()[1] = 4; }, "graph: slot 1" + broken);
  expect_fault([](Graph& g) { g.twins()[1] = 3; }, "graph: slot 1" + broken);
  expect_fault([](Graph& g) { g.twins()[1] = 2; }, "graph: slot 2" + broken);
}

TEST(Check, NodesMakeOneTreeAndAreReached) {
  expect_fault([](Graph& g) { set_row(g, 0, 3, {0}); }, "graph: slot 3 has links but no parent");
  expect_fault([](Graph& g) { g.set_parent(1, 4); }, "graph: slot 1 has parent 4");
  const std::string one_way = "graph: slot 2 and its parent 0 are not linked both ways";
  expect_fault([](Graph& g) { set_row(g, 0, 2, {}); }, one_way);
  expect_fault([](Graph& g) { set_row(g, 0, 0, {1}); }, one_way);
  expect_fault([](Graph& g) { g.set_parent(1, 1); }, "graph: 2 roots instead of 1");
  const auto apart = [](Graph& g) {
    set_row(g, 0, 0, {});
    set_row(g, 0, 1, {2});
    set_row(g, 0, 2, {1});
    g.set_parent(1, 2);
    g.set_parent(2, 1);
  };
  expect_fault(apart, "graph: slot 1 cannot be reached");
}

/// Levels are what rows are checked by; without any they may lead anywhere.
TEST(Check, RowsOfNoLevelMayLeadAnywhere) {
  const auto without_levels = [](Graph& g) {
    g.set_start({});
    set_row(g, 0, 0, {2, 9});
  };
  expect_fault(without_levels, "graph: slot 1 and its parent 0 are not linked both ways");
}

TEST(Check, TellsOfTwentyFaultsAtMost) {
  const auto graph = sound();
  graph->grow(100);
  graph->layer(0).publish(100);
  for (Slot slot = 4; slot < 100; ++slot) set_row(*graph, 0, slot, {0});
  EXPECT_EQ(graph->check().size(), 20U);
}

}  // namespace
}  // namespace vecinal
