// Walks over fused rows on a backend, beside those of the CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "backend/backend_library.hpp"
#include "backend/device_build.hpp"
#include "backend/fused_tails.hpp"
#include "backend/query_block.hpp"
#include "graph/builder.hpp"
#include "graph/fused_walk.hpp"
#include "support/random.hpp"

namespace vecinal::test {
namespace {

struct FusedKind {
  kernels::RowType type = kernels::RowType::lvq8;
  float correction = 2;  ///< 0: queries are not near the rows
  std::uint32_t degree = 32;
  const char* name = "";
};

std::vector<FusedKind> fused_kinds() {
  return {{kernels::RowType::lvq8, 2, 32, "lvq8"},
          {kernels::RowType::lvq8, 0, 64, "lvq8_far_64"},
          {kernels::RowType::lvq4, 2, 96, "lvq4_96"}};
}

/// Rows with a graph and tails, and some queries, on the host and on a backend.
class FusedWorld {
 public:
  FusedWorld(const FusedKind& kind, std::size_t count, std::size_t dim, std::size_t query_count)
      : rows_(format(kind, dim)),
        graph_(kind.degree),
        fused_(rows_, dim, kind.degree),
        arrays_(rows_) {
    rows_.resize(count);
    QueryBuffer buffer(rows_);
    for (Slot slot = 0; slot < count; ++slot) {
      const std::vector<float> values = padded(dim, slot + 1);
      const float norm = std::inner_product(values.begin(), values.end(), values.begin(), 0.0F);
      EXPECT_TRUE(rows_.set(slot, values.data(), norm, buffer).in_range);
    }
    std::vector<Slot> order(count);
    std::iota(order.begin(), order.end(), Slot{0});
    Builder(graph_, rows_, {.beam = 40, .geometry = {}, .fill = kind.degree, .threads = 1})
        .insert(order, [](std::size_t) {});
    fused_.refresh(rows_, graph_, std::vector<ChangedRow>(order.begin(), order.end()), 1);
    make_queries(query_count, dim);
    upload();
  }

  [[nodiscard]] const Storage& rows() const { return rows_; }
  [[nodiscard]] const DeviceRows& device_rows() const { return *device_rows_; }
  [[nodiscard]] const DeviceTails& tails() const { return *tails_; }
  [[nodiscard]] QueryBlock block() const { return arrays_.block(queries_.size()); }
  [[nodiscard]] std::size_t query_count() const { return queries_.size(); }

  /// found: capacity entries for each query of the block.
  DeviceCounts search(const QueryBlock& block, const DeviceFusedBreadth& breadth,
                      const DeviceRanking* ranking, std::span<Scored> found) const {
    return cuda_backend()
        .search_fused(*device_rows_, *device_graph_, *tails_, block, breadth, ranking, found)
        ->wait();
  }

  [[nodiscard]] std::vector<Scored> search(const DeviceFusedBreadth& breadth) {
    std::vector<Scored> found(queries_.size() * breadth.capacity);
    counts = search(block(), breadth, nullptr, found);
    return found;
  }

  /// What FusedWalk finds, laid out alike.
  [[nodiscard]] std::vector<Scored> search_on_cpu(const DeviceFusedBreadth& breadth) {
    std::vector<Scored> found(queries_.size() * breadth.capacity);
    FusedWalk walk(rows_);
    for (std::size_t q = 0; q < queries_.size(); ++q) {
      walk.begin(rows_, fused_.view(), graph_.view(), queries_[q],
                 {.k = breadth.k,
                  .beam = breadth.beam,
                  .capacity = breadth.capacity,
                  .gamma = breadth.gamma,
                  .shift = breadth.shift});
      while (walk.step(nullptr)) {
      }
      walk.choose_rest();
      walk.score_rest();
      const auto best = walk.best();
      std::copy(best.begin(), best.end(),
                found.begin() + static_cast<std::ptrdiff_t>(q * breadth.capacity));
    }
    counts = {walk.hops, walk.distances};
    return found;
  }

  /// All nodes by their scores.
  [[nodiscard]] std::vector<Scored> ranked(std::size_t query) const {
    const QueryBuffer buffer(rows_);
    const Scorer scorer = rows_.scorer(queries_[query], buffer);
    std::vector<Scored> all;
    for (Slot slot = 0; slot < rows_.size(); ++slot) all.push_back({scorer(slot), slot});
    std::sort(all.begin(), all.end());
    return all;
  }

  /// Of the k best nodes of each query the share that was found.
  [[nodiscard]] double recall(std::span<const Scored> found, std::size_t k,
                              std::size_t capacity) const {
    std::size_t hits = 0;
    for (std::size_t q = 0; q < queries_.size(); ++q) {
      const auto best = ranked(q);
      for (std::size_t i = 0; i < k; ++i)
        for (std::size_t j = 0; j < k; ++j)
          hits += found[q * capacity + j].slot == best[i].slot ? 1 : 0;
    }
    return static_cast<double>(hits) / static_cast<double>(k * queries_.size());
  }

  DeviceCounts counts;  ///< of the last search

 private:
  static RowFormat format(const FusedKind& kind, std::size_t dim) {
    RowFormat format{.type = kind.type, .dim = dim, .weight = -2, .correction = kind.correction};
    format.tail = FusedLayout::tail_bytes(Storage(format), dim, kind.degree);
    return format;
  }

  [[nodiscard]] std::vector<float> padded(std::size_t dim, std::uint32_t number) const {
    std::vector<float> values = random_floats(dim, number);
    values.resize(rows_.padded_dim());
    return values;
  }

  void make_queries(std::size_t count, std::size_t dim) {
    values_ = AlignedFloats(count * rows_.padded_dim());
    const QueryBuffer buffer(rows_);
    arrays_.need(count, cuda_backend());
    for (std::size_t i = 0; i < count; ++i) {
      float* const query = values_.data() + i * rows_.padded_dim();
      const std::vector<float> values = padded(dim, static_cast<std::uint32_t>(100'000 + i));
      std::copy(values.begin(), values.end(), query);
      queries_.push_back({query, 5.0F});
      arrays_.set(i, queries_.back(), buffer);
    }
  }

  void upload() {
    device_rows_ = cuda_backend().make_rows(device_format(rows_), nullptr);
    device_rows_->put(0, rows_.size(), rows_.row(0), rows_.stride());
    device_graph_ = cuda_backend().make_graph();
    put_graph(*device_graph_, graph_.view());
    tails_ = cuda_backend().make_tails(*device_rows_);
    tails_->put(tails_of(rows_, fused_.view(), rows_.size()), entries_of(fused_.view()));
  }

  Storage rows_;
  Graph graph_;
  Fused fused_;
  AlignedFloats values_;
  std::vector<Query> queries_;
  QueryArrays arrays_;
  std::unique_ptr<DeviceRows> device_rows_;
  std::unique_ptr<DeviceGraph> device_graph_;
  std::unique_ptr<DeviceTails> tails_;
};

class FusedParity : public testing::TestWithParam<FusedKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, FusedParity, testing::ValuesIn(fused_kinds()),
                         [](const auto& made_of) { return made_of.param.name; });

TEST_P(FusedParity, AWideWalkScoresEveryNodeAsTheCpuDoes) {
  for (const std::size_t dim : {5U, 31U, 100U, 260U})
    for (const std::size_t count : {1U, 2U, 40U}) {
      FusedWorld world(GetParam(), count, dim, 3);
      const std::size_t capacity = count * count / 2 + 7;  // every node's estimate of every other
      const auto found = world.search({.k = 5, .beam = capacity, .capacity = capacity});
      for (std::size_t q = 0; q < 3; ++q) {
        const auto expected = world.ranked(q);
        for (std::size_t i = 0; i < capacity; ++i) {
          const Scored& node = found[q * capacity + i];
          ASSERT_EQ(node.slot, i < count ? expected[i].slot : no_slot) << dim << " " << count;
          if (i < count) {
            ASSERT_EQ(node.score, expected[i].score);
          }
        }
      }
    }
}

TEST_P(FusedParity, WalksFindAsMuchAsTheCpusInAsManySteps) {
  constexpr std::size_t k = 5;
  FusedWorld world(GetParam(), 1200, 100, 30);
  for (const DeviceFusedBreadth& breadth :
       {DeviceFusedBreadth{.k = k, .beam = 1, .capacity = 12},
        DeviceFusedBreadth{.k = k, .beam = 12, .capacity = 22},
        DeviceFusedBreadth{.k = k, .beam = 50, .capacity = 60},
        DeviceFusedBreadth{.k = k, .beam = 100, .capacity = 100, .gamma = 0.05F}}) {
    const auto expected = world.search_on_cpu(breadth);
    const auto cpu = static_cast<double>(world.counts.hops);
    const auto found = world.search(breadth);
    EXPECT_NEAR(static_cast<double>(world.counts.hops), cpu, 0.1 * cpu) << breadth.beam;
    EXPECT_NEAR(world.recall(found, k, breadth.capacity),
                world.recall(expected, k, breadth.capacity), 0.06)
        << breadth.beam;
  }
}

TEST_P(FusedParity, WhatIsFoundIsSortedAndEachNodeOnce) {
  FusedWorld world(GetParam(), 500, 33, 6);
  for (const std::size_t capacity : {1U, 9U, 40U, 200U}) {
    const auto found = world.search({.k = 1, .beam = capacity / 2 + 1, .capacity = capacity});
    for (std::size_t q = 0; q < 6; ++q) {
      std::set<Slot> nodes;
      for (std::size_t i = 0; i < capacity; ++i) {
        const Scored& node = found[q * capacity + i];
        if (node.slot == no_slot) break;
        EXPECT_TRUE(nodes.insert(node.slot).second);
        if (i > 0) {
          EXPECT_LE(found[q * capacity + i - 1].score, node.score);
        }
      }
      EXPECT_FALSE(nodes.empty());
    }
  }
}

TEST_P(FusedParity, AnswersDoNotDependOnTheBatch) {
  FusedWorld world(GetParam(), 400, 40, 7);
  const DeviceFusedBreadth breadth{.k = 3, .beam = 10, .capacity = 20, .gamma = 0.3F};
  const auto together = world.search(breadth);
  EXPECT_EQ(together, world.search(breadth));
  for (std::size_t q = 0; q < 7; ++q) {
    QueryBlock one = world.block();
    one.count = 1;
    one.steps += q * world.rows().padded_dim();
    one.scales += q;
    std::vector<Scored> alone(20);
    world.search(one, breadth, nullptr, alone);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(),
                           together.begin() + static_cast<std::ptrdiff_t>(20 * q)));
  }
}

TEST_P(FusedParity, OtherRowsRankWhatIsFound) {
  FusedWorld walked(GetParam(), 200, 40, 4);
  FusedWorld ranking({kernels::RowType::lvq8, 2, 32, ""}, 200, 70, 4);
  const DeviceFusedBreadth breadth{.k = 3, .beam = 10, .capacity = 20};
  const auto nodes = walked.search(breadth);
  std::vector<Scored> found(nodes.size());
  const DeviceRanking ranked{&ranking.device_rows(), ranking.block()};
  walked.search(walked.block(), breadth, &ranked, found);
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].slot, nodes[i].slot);
    if (found[i].slot == no_slot) continue;
    const auto all = ranking.ranked(i / 20);
    const auto same = std::find_if(all.begin(), all.end(),
                                   [&](const Scored& row) { return row.slot == found[i].slot; });
    EXPECT_EQ(found[i].score, same->score);
  }
}

TEST_P(FusedParity, TheLargestWalkHasRoom) {
  FusedWorld world(GetParam(), 100, 40, 2);
  const std::size_t most = cuda_backend().max_fused(world.device_rows(), world.tails());
  ASSERT_GE(most, 1000U);
  const auto found = world.search({.k = 10, .beam = most, .capacity = most});
  EXPECT_EQ(found[99], world.ranked(0)[99]);
  EXPECT_EQ(found[100].slot, no_slot);
  EXPECT_GE(world.tails().bytes(), 100 * GetParam().degree * (40 / 8 + 3));
}

}  // namespace
}  // namespace vecinal::test
