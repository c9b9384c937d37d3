// Items that come and go: recall, memory, slots and files in step.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/progress.hpp"
#include "support/data.hpp"
#include "support/sets.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::clustered;
using test::Rows;

struct Case {
  Metric metric;
  Encoding encoding;
  GraphKind graph = GraphKind::hnsw;
  Layout layout = Layout::split;
  Keep keep = Keep::none;

  [[nodiscard]] std::string name() const {
    std::string text(vecinal::name(metric));
    for (const std::string_view part : {vecinal::name(encoding), vecinal::name(graph),
                                        vecinal::name(layout), vecinal::name(keep)})
      text += "_" + std::string(part);
    return text;
  }
};

/// Numbers first, first + 1, ... as ids.
std::vector<Id> numbers(std::size_t first, std::size_t count) {
  std::vector<Id> ids(count);
  std::iota(ids.begin(), ids.end(), static_cast<Id>(first));
  return ids;
}

class LivingTest : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr std::size_t dim = 20;

  [[nodiscard]] static std::unique_ptr<Index> make(unsigned threads = 2) {
    const Case& chosen = GetParam();
    return make_index({.dim = dim,
                       .metric = chosen.metric,
                       .encoding = chosen.encoding,
                       .keep = chosen.keep,
                       .layout = chosen.layout,
                       .graph = chosen.graph,
                       .build_beam = 60,
                       .threads = threads});
  }

  /// Share of the exact answers that walks with one beam give.
  static double recall(const Index& index, const Rows& queries) {
    const Neighbors found = index.search(queries.batch(), {.k = 10, .beam = 40});
    const Neighbors truth = index.search(queries.batch(), {.k = 10, .exact = true});
    std::size_t hits = 0;
    for (std::size_t i = 0; i < found.ids.size(); ++i)
      hits += found.distances[i] <= truth.distances_of(i / 10)[9] ? 1U : 0U;
    return static_cast<double>(hits) / static_cast<double>(found.ids.size());
  }
};

TEST_P(LivingTest, TenTurnoversKeepRecallMemoryAndEveryItem) {
  constexpr std::size_t size = 1000;
  constexpr std::size_t step = 100;
  const Rows rows = clustered(11 * size, dim, 1, 2000);
  const Rows queries = clustered(500, dim, 2, 2000);
  const auto index = make();
  index->add(rows.part(0, size), numbers(0, size));
  for (std::size_t first = 0; first < 10 * size; first += step) {
    ASSERT_EQ(index->remove(numbers(first, step)), step);
    index->add(rows.part(first + size, step), numbers(first + size, step));
  }
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  ASSERT_EQ(index->size(), size);
  EXPECT_LE(index->stats().removed, size / 20);
  const auto fresh = make();
  fresh->train(rows.part(0, size));
  fresh->add(rows.part(10 * size, size), numbers(10 * size, size));
  EXPECT_LE(static_cast<double>(index->stats().bytes),
            1.05 * static_cast<double>(fresh->stats().bytes));
  EXPECT_GE(recall(*index, queries), recall(*fresh, queries) - 0.005);
  const Neighbors own =
      index->search(rows.part(10 * size, size), {.k = 1, .beam = 100, .gamma = 0});
  std::size_t found = 0;
  for (std::size_t i = 0; i < size; ++i) {
    ASSERT_TRUE(index->contains(static_cast<Id>(10 * size + i)));
    found += own.ids[i] == static_cast<Id>(10 * size + i) ? 1U : 0U;
  }
  if (GetParam().metric != Metric::inner_product && GetParam().encoding != Encoding::lvq4) {
    EXPECT_GE(found, size - size / 100);
  }
}

TEST_P(LivingTest, TheSameBytesForAnyNumberOfThreads) {
  const Rows rows = clustered(900, dim, 3);
  std::vector<std::byte> first;
  for (const unsigned threads : {1U, 3U}) {
    const auto index = make(threads);
    index->add(rows.part(0, 600));
    index->remove(numbers(50, 200));
    index->add(rows.part(600, 300));
    index->remove(numbers(300, 250));
    const auto bytes = index->to_bytes();
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first) << threads << " threads";
  }
}

TEST_P(LivingTest, FilesKeepFreeSlotsAndGoOnAlike) {
  const Rows rows = clustered(1200, dim, 4);
  const auto index = make();
  index->add(rows.part(0, 800));
  index->remove(numbers(100, 300));
  EXPECT_GE(index->stats().free, 290U);
  const auto loaded = load_index(index->to_bytes());
  EXPECT_EQ(loaded->to_bytes(), index->to_bytes());
  EXPECT_EQ(loaded->stats().free, index->stats().free);
  for (Index* each : {index.get(), loaded.get()}) {
    each->add(rows.part(800, 250), numbers(5000, 250));
    each->remove(numbers(5000, 100));
    each->add(rows.part(1050, 150));
    EXPECT_EQ(each->check(), std::vector<std::string>{});
  }
  EXPECT_EQ(loaded->to_bytes(), index->to_bytes());
  EXPECT_EQ(loaded->search(rows.batch()).ids, index->search(rows.batch()).ids);
}

TEST_P(LivingTest, AnAddIntoFreeSlotsThatFailsChangesNothing) {
  constexpr std::size_t added = 5000;
  Rows rows = clustered(600 + added, dim, 5);
  const auto index = make();
  index->add(rows.part(0, 600));
  index->remove(numbers(0, 300));
  const auto before = index->to_bytes();
  float& value = rows.values[dim * (rows.count - 7)];
  value = std::numeric_limits<float>::infinity();
  EXPECT_THROW(index->add(rows.part(600, added)), std::invalid_argument);
  EXPECT_EQ(index->to_bytes(), before);
  value = 0;
  if (GetParam().graph == GraphKind::hnsw) {
    const auto cancel = [](std::size_t done, std::size_t) { return done < 400; };
    const auto usual = std::exchange(progress_interval, {});  // every call is heard
    EXPECT_THROW(index->add(rows.part(600, added), {}, cancel), Cancelled);
    progress_interval = usual;
    EXPECT_EQ(index->to_bytes(), before);
  }
  index->add(rows.part(600, 400));
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(index->size(), 700U);
}

TEST_P(LivingTest, AllOfItCanGoAndComeBack) {
  const Rows rows = clustered(500, dim, 6);
  const auto index = make();
  index->add(rows.batch());
  const Neighbors before = index->search(rows.batch(), {.k = 3, .beam = 100});
  EXPECT_EQ(index->remove(numbers(0, 500)), 500U);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(index->search(rows.batch(), {.k = 3}).counts[0], 0U);
  EXPECT_EQ(index->stats().free, 500U);
  const auto loaded = load_index(index->to_bytes());
  for (Index* each : {index.get(), loaded.get()}) {
    each->add(rows.batch(), numbers(0, 500));
    EXPECT_EQ(each->check(), std::vector<std::string>{});
    EXPECT_EQ(each->stats().removed, 0U);
    EXPECT_EQ(each->search(rows.batch(), {.k = 3, .beam = 100}).distances, before.distances);
  }
  EXPECT_EQ(loaded->to_bytes(), index->to_bytes());
}

TEST_P(LivingTest, CopiesComeAndGo) {
  Rows rows = clustered(900, dim, 7);
  for (std::size_t i = 0; i < 900; i += 3)
    std::copy_n(rows.row(i % 30), dim, rows.values.begin() + static_cast<std::ptrdiff_t>(i * dim));
  const auto index = make();
  index->add(rows.part(0, 600));
  std::vector<Id> thirds;
  for (Id id = 0; id < 900; id += 3)
    if (id % 2 == 0 || id < 30) thirds.push_back(id);
  index->remove(thirds);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  index->add(rows.part(600, 300), numbers(600, 300));
  index->remove(numbers(31, 400));
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  const Neighbors hits = index->search(rows.part(0, 30), {.k = 60, .beam = 200});
  for (std::size_t q = 0; q < 30; ++q) {
    std::vector<Id> ids(hits.ids_of(q).begin(), hits.ids_of(q).end());
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end()) << "query " << q;
    for (const Id id : ids) EXPECT_TRUE(index->contains(id));
  }
  index->remove(index->ids());
  EXPECT_EQ(index->size(), 0U);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

TEST_P(LivingTest, UpdatesAreWholeOrNothing) {
  Rows rows = clustered(900, dim, 8);
  const auto index = make();
  index->add(rows.part(0, 500));
  const auto before = index->to_bytes();
  const std::vector<Id> ids = numbers(100, 300);
  std::vector<Id> wrong = ids;
  wrong[7] = 500;
  EXPECT_THROW(index->update(wrong, rows.part(500, 300)), std::invalid_argument);
  wrong[7] = wrong[8];
  EXPECT_THROW(index->update(wrong, rows.part(500, 300)), std::invalid_argument);
  EXPECT_THROW(index->update(ids, rows.part(500, 299)), std::invalid_argument);
  rows.values[dim * 700] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(index->update(ids, rows.part(500, 300)), std::invalid_argument);
  EXPECT_EQ(index->to_bytes(), before);
  rows.values[dim * 700] = 0;
  index->update(ids, rows.part(500, 300));
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(index->size(), 500U);
  std::vector<float> stored(dim);
  std::vector<float> expected(dim);
  index->get(250, stored);
  const auto alone = make();
  alone->train(rows.part(0, 500));
  alone->add(rows.part(650, 1));
  alone->get(0, expected);
  for (std::size_t d = 0; d < dim; ++d) EXPECT_NEAR(stored[d], expected[d], 1e-6);
}

TEST_P(LivingTest, CompactedItAnswersAsBefore) {
  Rows rows = clustered(1500, dim, 9);
  for (std::size_t i = 0; i < 1500; i += 5)  // copies
    std::copy_n(rows.row(i % 25), dim, rows.values.begin() + static_cast<std::ptrdiff_t>(i * dim));
  const auto index = make();
  index->add(rows.part(0, 1200));
  index->remove(numbers(0, 700));
  index->remove(numbers(800, 7));
  index->add(rows.part(1200, 100), numbers(5000, 100));
  const Neighbors before = index->search(rows.batch(), {.k = 5, .beam = 80});
  const std::vector<Id> ids = index->ids();
  const std::size_t bytes = index->to_bytes().size();
  index->compact();
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(index->stats().free, 0U);
  EXPECT_EQ(index->ids(), ids);
  EXPECT_LT(index->to_bytes().size(), bytes);
  const Neighbors after = index->search(rows.batch(), {.k = 5, .beam = 80});
  std::size_t same = 0;
  for (std::size_t i = 0; i < before.ids.size(); ++i)
    same += before.distances[i] == after.distances[i] ? 1U : 0U;
  EXPECT_GE(same, before.ids.size() - before.ids.size() / 200);
  const auto loaded = load_index(index->to_bytes());
  for (Index* each : {index.get(), loaded.get()}) {
    each->remove(numbers(5000, 50));
    each->add(rows.part(1300, 200));
    EXPECT_EQ(each->check(), std::vector<std::string>{});
  }
  EXPECT_EQ(loaded->to_bytes(), index->to_bytes());
  index->remove(index->ids());
  index->compact();
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(index->search(rows.part(0, 1)).counts[0], 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Configs, LivingTest,
    ::testing::Values(Case{Metric::l2, Encoding::f32}, Case{Metric::cosine, Encoding::lvq8},
                      Case{Metric::inner_product, Encoding::lvq4x8},
                      Case{Metric::cosine, Encoding::lvq4, GraphKind::hnsw, Layout::split,
                           Keep::f16},
                      Case{Metric::l2, Encoding::lvq8x8, GraphKind::hnsw, Layout::fused},
                      Case{Metric::cosine, Encoding::f16, GraphKind::none}),
    [](const auto& param_info) { return param_info.param.name(); });

TEST(LivingSets, TheirVectorsUseTheRoomOfThoseThatWent) {
  const test::Sets first = test::random_sets(300, 8, 1);
  const auto index = make_index(test::small_config(8));
  index->add(first.batch());
  const std::size_t vectors = index->stats().vectors;
  for (std::uint32_t round = 0; round < 10; ++round) {
    index->remove(numbers(300 * round, 300));
    index->add(test::random_sets(300, 8, round + 2).batch(), numbers(300 * (round + 1), 300));
    ASSERT_EQ(index->check(), std::vector<std::string>{});
  }
  EXPECT_LE(static_cast<double>(index->stats().vectors), 1.15 * static_cast<double>(vectors));
  const test::Sets last = test::random_sets(300, 8, 11);
  std::vector<float> stored(last.size(7) * 8);
  index->get(3007, stored);
  for (std::size_t i = 0; i < stored.size(); ++i)
    EXPECT_NEAR(stored[i], last.vector(last.offsets[7])[i], 0.02);
  const auto loaded = load_index(index->to_bytes());
  EXPECT_EQ(loaded->search(last.batch()).ids, index->search(last.batch()).ids);
  for (Index* each : {index.get(), loaded.get()}) {
    each->remove(numbers(3000, 100));
    each->add(test::random_sets(80, 8, 30).batch());
  }
  EXPECT_EQ(loaded->to_bytes(), index->to_bytes());
}

TEST(LivingSets, AreUpdatedAndCompacted) {
  const test::Sets sets = test::random_sets(300, 8, 1);
  const test::Sets others = test::random_sets(100, 8, 2);
  const auto index = make_index(test::small_config(8));
  index->add(sets.batch());
  index->update(numbers(150, 100), others.batch());
  index->remove(numbers(0, 150));
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(index->vectors_of(155), others.size(5));
  const Neighbors before = index->search(sets.batch(), {.exact = true});
  const std::size_t vectors = index->stats().vectors;
  index->compact();
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_LT(index->stats().vectors, vectors);
  const Neighbors after = index->search(sets.batch(), {.exact = true});
  EXPECT_EQ(after.ids, before.ids);
  EXPECT_EQ(after.distances, before.distances);
  index->add(others.batch());
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(load_index(index->to_bytes())->search(sets.batch()).ids,
            index->search(sets.batch()).ids);
}

TEST(LivingSets, AnAddThatFailsChangesNothing) {
  test::Sets sets = test::random_sets(200, 8, 1);
  const auto index = make_index(test::small_config(8));
  index->add(sets.batch());
  index->remove(numbers(0, 100));
  const Neighbors before = index->search(sets.batch());
  std::vector<Id> ids = numbers(500, 200);
  ids.back() = 150;  // which is in the index
  EXPECT_THROW(index->add(sets.batch(), ids), std::invalid_argument);
  EXPECT_EQ(index->stats().size, 100U);
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(index->search(sets.batch()).ids, before.ids);
  EXPECT_EQ(index->search(sets.batch()).distances, before.distances);
  index->add(sets.batch(), numbers(500, 200));
  EXPECT_EQ(index->check(), std::vector<std::string>{});
}

}  // namespace
}  // namespace vecinal
