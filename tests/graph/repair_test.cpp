#include "graph/repair.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace vecinal {
namespace {

/// Rows of a normal distribution; the last `copies` equal earlier ones, `hubs` are long.
std::unique_ptr<Storage> random_rows(std::size_t count, kernels::Op op, Slot hubs,
                                     std::size_t copies) {
  constexpr std::size_t dim = 8;
  auto rows = std::make_unique<Storage>(RowFormat{.op = op, .dim = dim});
  rows->resize(count);
  AlignedFloats row(rows->padded_dim());
  QueryBuffer buffer(*rows);
  for (Slot slot = 0; slot < count; ++slot) {
    std::mt19937 random(slot + copies >= count ? (slot * 7) % 100 : slot);
    std::normal_distribution<float> normal;
    for (std::size_t d = 0; d < dim; ++d)
      row.data()[d] = normal(random) * (slot < hubs ? 50.0F : 1.0F);
    EXPECT_TRUE(rows->set(slot, row.data(), 0, buffer).in_range);
  }
  return rows;
}

std::vector<Slot> all_slots(std::size_t count) {
  std::vector<Slot> slots(count);
  std::iota(slots.begin(), slots.end(), 0U);
  return slots;
}

/// Slots that the graph holds, each with the chance given.
std::vector<Slot> draw(const Graph& graph, double share, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> unit;
  std::vector<Slot> drawn;
  for (Slot slot = 0; slot < graph.size(); ++slot)
    if (graph.holds(slot) && unit(random) < share) drawn.push_back(slot);
  return drawn;
}

struct Case {
  std::uint32_t degree;
  kernels::Op op;
  std::uint32_t fill;
};

class RepairTest : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr std::size_t count = 1500;

  [[nodiscard]] static BuildParams params(unsigned threads = 2) {
    return {.beam = 30, .geometry = {}, .fill = GetParam().fill, .threads = threads};
  }
  void build(std::size_t copies, Slot hubs = 0) {
    rows_ = random_rows(count, GetParam().op, hubs, copies);
    graph_ = std::make_unique<Graph>(GetParam().degree);
    const std::vector<Slot> order = all_slots(count);
    Builder(*graph_, *rows_, params()).insert(order, [](std::size_t) {});
  }
  [[nodiscard]] std::vector<Node> links() const {
    const auto view = graph_->layer(0).links().view();
    return {view.begin(), view.end()};
  }

  std::unique_ptr<Storage> rows_;
  std::unique_ptr<Graph> graph_;
};

TEST_P(RepairTest, NothingLeadsToWhatIsGoneAndTheRestIsReachable) {
  build(0, GetParam().op == kernels::Op::l2 ? 0 : 3);
  std::size_t left = count;
  std::uint32_t seed = 0;
  for (const double share : {.01, .3, .5, .9}) {
    const std::vector<Slot> removed = draw(*graph_, share, ++seed);
    Repair repair(*graph_, *rows_, params());
    repair.run(removed);
    EXPECT_TRUE(
        std::equal(removed.begin(), removed.end(), repair.gone().begin(), repair.gone().end()));
    repair.release();
    left -= removed.size();
    // check() refuses links to what is no node, and nodes that cannot be reached.
    EXPECT_EQ(graph_->check(), std::vector<std::string>{}) << share;
    EXPECT_EQ(draw(*graph_, 2, 1).size(), left);
  }
}

TEST_P(RepairTest, RingsStayRoundAndTheirNodesStayAsLongAsTheyAreNeeded) {
  build(700);
  ASSERT_GE(graph_->twin_count(), 500U);
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    const std::vector<Slot> removed = draw(*graph_, .4, seed);
    Repair repair(*graph_, *rows_, params());
    repair.run(removed);
    const std::vector<Slot> gone(repair.gone().begin(), repair.gone().end());
    for (const Slot slot : removed) {
      const bool was_node = graph_->parent(slot) != no_slot;
      const bool went = std::binary_search(gone.begin(), gone.end(), slot);
      EXPECT_TRUE(went || was_node) << "slot " << slot;
    }
    repair.release();
    EXPECT_EQ(graph_->check(), std::vector<std::string>{});
  }
}

TEST_P(RepairTest, TheSameLinksForAnyNumberOfThreads) {
  std::vector<Node> first;
  for (const unsigned threads : {1U, 2U, 5U}) {
    build(100);
    Repair repair(*graph_, *rows_, params(threads));
    repair.run(draw(*graph_, .3, 9));
    repair.release();
    if (first.empty()) first = links();
    EXPECT_EQ(links(), first) << threads;
  }
}

TEST_P(RepairTest, TakenBackItWasNothing) {
  build(300);
  const std::vector<Node> before = links();
  const auto twins = graph_->twins().view();
  const std::vector<Slot> rings(twins.begin(), twins.end());
  const Start start = graph_->start();
  Repair repair(*graph_, *rows_, params());
  repair.run(draw(*graph_, .7, 2));
  EXPECT_NE(links(), before);
  repair.roll_back();
  EXPECT_EQ(links(), before);
  EXPECT_TRUE(std::equal(rings.begin(), rings.end(), graph_->twins().view().begin()));
  EXPECT_EQ(graph_->start().entry, start.entry);
  EXPECT_EQ(graph_->check(), std::vector<std::string>{});
}

TEST_P(RepairTest, AnEmptiedGraphIsBuiltAgainAsItWas) {
  build(200);
  const std::vector<Node> before = links();
  Repair repair(*graph_, *rows_, params());
  repair.run(draw(*graph_, 2, 1));
  EXPECT_EQ(graph_->levels(), 0U);
  repair.release();
  EXPECT_EQ(graph_->check(), std::vector<std::string>{});
  BuildParams again = params();
  again.free = count;
  const std::vector<Slot> order = all_slots(count);
  Builder(*graph_, *rows_, again).insert(order, [](std::size_t) {});
  EXPECT_EQ(links(), before);
  EXPECT_EQ(graph_->check(), std::vector<std::string>{});
}

TEST_P(RepairTest, FreeSlotsAreUsedAgainAndGivenBackWhenThatFails) {
  build(0);
  const std::vector<Slot> removed = draw(*graph_, .3, 3);
  Repair repair(*graph_, *rows_, params());
  repair.run(removed);
  repair.release();
  const std::vector<Node> before = links();
  BuildParams again = params();
  again.free = removed.size();
  Builder failing(*graph_, *rows_, again);
  const auto stop = [](std::size_t done) {
    if (done > 100) throw std::runtime_error("stop");
  };
  EXPECT_THROW(failing.insert(removed, stop), std::runtime_error);
  graph_->clear_free();
  EXPECT_EQ(links(), before);
  EXPECT_EQ(graph_->check(), std::vector<std::string>{});
  Builder(*graph_, *rows_, again).insert(removed, [](std::size_t) {});
  EXPECT_EQ(draw(*graph_, 2, 1).size(), count);
  EXPECT_EQ(graph_->check(), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Graphs, RepairTest,
                         ::testing::Values(Case{4, kernels::Op::l2, 0},
                                           Case{16, kernels::Op::l2, 0},
                                           Case{32, kernels::Op::l2, 32},
                                           Case{8, kernels::Op::negative_dot, 0}),
                         [](const auto& param_info) {
                           return "degree" + std::to_string(param_info.param.degree) + "fill" +
                                  std::to_string(param_info.param.fill);
                         });

}  // namespace
}  // namespace vecinal
