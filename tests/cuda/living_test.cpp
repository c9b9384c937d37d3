// Copies on a device that are brought up to date by parts are those that are made at once.
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "device_memory.hpp"
#include "on_device.hpp"

namespace vecinal::test {
namespace {

/// Random changes of an index on a device.
class Life {
 public:
  explicit Life(const Config& config)
      : rows_(clustered(900, config.dim, 21)), index_(make_index(on_device(config))) {
    add(300);
  }

  [[nodiscard]] const Index& index() const { return *index_; }

  /// As fresh copies answer: of the same kernels, so that floats are alike too.
  void expect_fresh() const {
    const auto fresh = moved(*index_, Device::cuda);
    const Rows queries = clustered(8, rows_.dim, 22);
    for (const SearchParams& params :
         {SearchParams{.k = 10, .beam = 40}, SearchParams{.k = 5, .exact = true}}) {
      const Neighbors found = index_->search(queries.batch(), params);
      const Neighbors expected = fresh->search(queries.batch(), params);
      EXPECT_EQ(found.ids, expected.ids);
      EXPECT_EQ(found.distances, expected.distances);
      EXPECT_EQ(found.stats.hops, expected.stats.hops);
      EXPECT_EQ(found.stats.distances, expected.stats.distances);
    }
  }

  void change() {
    switch (random_() % 8) {
      case 0:
        return add(40);
      case 1:
      case 2:
        return add(1 + random_() % 5);
      case 3:
      case 4:
        return remove(24);  // repaired at once
      case 5:
        return remove(1 + random_() % 3);
      case 6:
        return replace(3);
      default:
        return seldom();
    }
  }

 private:
  static Config on_device(Config config) {
    config = small(config);
    config.device = Device::cuda;
    return config;
  }

  /// Some are there already, under another id.
  void add(std::size_t count) {
    index_->add(rows_.part(random_() % (rows_.count - count), count));
    for (; count > 0; --count) ids_.push_back(next_++);
  }

  std::vector<Id> some(std::size_t count) {
    std::shuffle(ids_.begin(), ids_.end(), random_);
    return {ids_.end() - static_cast<std::ptrdiff_t>(std::min(count, ids_.size())), ids_.end()};
  }

  void remove(std::size_t count) {
    if (ids_.size() < 100 + count) return;
    index_->remove(some(count));
    ids_.resize(ids_.size() - count);
  }

  void replace(std::size_t count) {
    index_->update(some(count), rows_.part(random_() % 800, count));
  }

  void seldom() {
    switch (random_() % 4) {
      case 0:
        return index_->compact();
      case 1:
        if (index_->config().graph != GraphKind::none) index_->refine({.rounds = 1});
        return;
      case 2:
        if (index_->config().graph != GraphKind::none)
          static_cast<void>(index_->fit_queries(rows_.part(0, 20), {.neighbors = 5}));
        return;
      default:
        return index_->retrain();
    }
  }

  Rows rows_;
  std::unique_ptr<Index> index_;
  std::vector<Id> ids_;
  Id next_ = 0;
  std::mt19937 random_{23};
};

class Living : public testing::TestWithParam<IndexCase> {};
INSTANTIATE_TEST_SUITE_P(OnDevice, Living, testing::ValuesIn(index_cases()),
                         [](const auto& made_of) { return made_of.param.name; });

TEST_P(Living, CopiesFollowEveryChange) {
  Life life(GetParam().config);
  for (unsigned round = 0; round < 30; ++round) {
    for (unsigned i = round % 3; i < 3; ++i) life.change();
    life.expect_fresh();
    if (HasFailure()) FAIL() << "after round " << round;
  }
}

TEST(LivingOnDevice, AFewChangesAreAFewCopies) {
  if (cuda_device_name() != "emulation") GTEST_SKIP() << "only the emulation counts";
  const Rows rows = clustered(2100, 64, 24);
  for (const Layout layout : {Layout::split, Layout::fused}) {
    const auto index = make_index({.dim = 64,
                                   .encoding = Encoding::lvq8,
                                   .layout = layout,
                                   .degree = 32,
                                   .build_beam = 40,
                                   .device = Device::cuda});
    index->add(rows.part(0, 2000));
    const auto copied = [&] {
      const std::size_t before = CudaMemory::get().copied();
      static_cast<void>(index->search(rows.part(0, 1), {.k = 1}));
      return CudaMemory::get().copied() - before;
    };
    const std::size_t all = copied();
    EXPECT_GT(all, 2000U * 32 * 4);  // the links; building has brought the rows
    for (std::size_t i = 0; i < 3; ++i) index->add(rows.part(2000 + i, 1));
    EXPECT_LT(copied(), all / 5);
    std::vector<Id> gone(40);
    std::iota(gone.begin(), gone.end(), 100);
    index->remove(gone);
    EXPECT_LT(copied(), all / 2);
    index->add(rows.part(2010, 3));  // where removed ones were
    EXPECT_LT(copied(), all / 5);
    EXPECT_LT(copied(), 4096U);  // a query and its answer
  }
}

}  // namespace
}  // namespace vecinal::test
