// Labels of items: kept through adds, removes and files, and what filters make of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "core/section_file.hpp"
#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

constexpr std::size_t dim = 8;
constexpr std::size_t count = 600;

const test::Rows& rows() {
  static const test::Rows made = test::clustered(count, dim, 1);
  return made;
}

/// Item i has the label i % 5, and i % 3 + 100 if `two`.
struct Given {
  explicit Given(bool two) {
    offsets.push_back(0);
    for (std::size_t i = 0; i < count; ++i) {
      values.push_back(static_cast<Label>(i % 5));
      if (two) values.push_back(static_cast<Label>(i % 3 + 100));
      offsets.push_back(values.size());
    }
    if (!two) offsets.clear();
  }
  [[nodiscard]] Batch batch() const {
    Batch items = rows().batch();
    items.labels = {values, offsets};
    return items;
  }
  std::vector<Label> values;
  std::vector<std::size_t> offsets;
};

std::unique_ptr<Index> empty(Encoding encoding = Encoding::f32) {
  return make_index({.dim = dim, .encoding = encoding, .build_beam = 40, .threads = 1});
}

/// All ids that a filter allows, ascending.
std::vector<Id> allowed(const Index& index, const Filter& filter) {
  const Neighbors hits = index.search(rows().part(0, 1), {.k = index.size() + 1, .filter = filter});
  std::vector<Id> ids(hits.ids.begin(), hits.ids.begin() + hits.counts[0]);
  std::sort(ids.begin(), ids.end());
  return ids;
}

template <class Holds>
std::vector<Id> those(Holds holds) {
  std::vector<Id> ids;
  for (Id id = 0; id < static_cast<Id>(count); ++id)
    if (holds(id)) ids.push_back(id);
  return ids;
}

TEST(Labels, FiltersByOneAndSeveral) {
  for (const bool two : {false, true}) {
    const auto index = empty();
    index->add(Given(two).batch());
    EXPECT_EQ(allowed(*index, Filter::label(3)), those([](Id id) { return id % 5 == 3; }));
    const std::vector<Label> some = {4, 0, 77};
    EXPECT_EQ(allowed(*index, Filter::any_label(some)),
              those([](Id id) { return id % 5 == 4 || id % 5 == 0; }));
    EXPECT_EQ(allowed(*index, Filter::label(102)),
              those([&](Id id) { return two && id % 3 == 2; }));
    EXPECT_TRUE(allowed(*index, Filter::label(77)).empty());
    EXPECT_TRUE(allowed(*index, Filter::any_label({})).empty());
  }
}

TEST(Labels, GoTogetherWithFiltersOfEveryKind) {
  const auto index = empty();
  index->add(Given(true).batch());
  const std::vector<Id> removed = {0, 5, 15};
  index->remove(removed);
  const auto lives = [&](Id id) { return std::count(removed.begin(), removed.end(), id) == 0; };
  const Filter label = Filter::label(0);
  const Filter other = Filter::label(101);
  const std::vector<Id> listed = {0, 1, 10, 20, 9999};
  const std::vector<std::uint64_t> words = {~std::uint64_t{0}, 3};
  EXPECT_EQ(allowed(*index, label & other),
            those([&](Id id) { return lives(id) && id % 5 == 0 && id % 3 == 1; }));
  EXPECT_EQ(allowed(*index, label | other),
            those([&](Id id) { return lives(id) && (id % 5 == 0 || id % 3 == 1); }));
  EXPECT_EQ(allowed(*index, ~label), those([&](Id id) { return lives(id) && id % 5 != 0; }));
  EXPECT_EQ(allowed(*index, label & Filter::ids(listed)), (std::vector<Id>{10, 20}));
  EXPECT_EQ(allowed(*index, ~(label | other) & Filter::bitmap(words)),
            those([&](Id id) { return lives(id) && id < 66 && id % 5 != 0 && id % 3 != 1; }));
  EXPECT_EQ(allowed(*index, label & Filter::predicate([](Id id) { return id > 300; })),
            those([&](Id id) { return id % 5 == 0 && id > 300; }));
  EXPECT_EQ(allowed(*index, label & Filter()).size(), 117U);
  EXPECT_TRUE((label & Filter::predicate([](Id) { return true; })).asks());
  EXPECT_FALSE((label | ~other).asks());
}

TEST(Labels, AreKeptByFiles) {
  for (const bool two : {false, true})
    for (const Encoding encoding : {Encoding::f32, Encoding::lvq8x8}) {
      const auto index = empty(encoding);
      index->add(Given(two).batch());
      index->remove(std::vector<Id>{7});
      const auto loaded = load_index(index->to_bytes());
      EXPECT_EQ(allowed(*loaded, Filter::label(3)), allowed(*index, Filter::label(3)));
      EXPECT_EQ(loaded->labels_of(11), index->labels_of(11));
      EXPECT_TRUE(loaded->to_bytes() == index->to_bytes());
      // Adding goes on with the sets that are there.
      Batch more = rows().part(0, 1);
      const std::vector<Label> three = {3};
      more.labels = {three, {}};
      loaded->add(more);
      EXPECT_EQ(allowed(*loaded, Filter::label(3)).size(), count / 5 + 1);
    }
  const auto bare = empty();
  bare->add(rows().batch());
  EXPECT_TRUE(load_index(bare->to_bytes())->labels_of(0).empty());
}

TEST(Labels, ComeWithLaterItemsOnly) {
  const auto index = empty();
  index->add(rows().part(0, 100));
  EXPECT_TRUE(allowed(*index, Filter::label(1)).empty());
  Batch later = rows().part(100, 50);
  const std::vector<Label> ones(50, 1);
  later.labels = {ones, {}};
  index->add(later);
  index->add(rows().part(150, 50));
  EXPECT_EQ(allowed(*index, Filter::label(1)), those([](Id id) { return id >= 100 && id < 150; }));
  EXPECT_EQ(allowed(*index, ~Filter::label(1)).size(), 150U);
}

TEST(Labels, AnAddThatFailsLeavesThemAsTheyWere) {
  const auto index = empty();
  index->add(Given(false).batch());
  const auto before = index->to_bytes();
  test::Rows wrong{200, dim, {rows().values.begin(), rows().values.begin() + 200 * dim}};
  wrong.values.back() = std::numeric_limits<float>::quiet_NaN();
  const std::vector<Label> fresh(200, 12345);
  Batch more = wrong.batch();
  more.labels = {fresh, {}};
  EXPECT_THROW(index->add(more), std::invalid_argument);
  EXPECT_TRUE(index->to_bytes() == before);
  more = rows().part(0, 200);
  more.labels = {std::span(fresh).first(3), {}};
  EXPECT_THROW(index->add(more), std::invalid_argument);
  EXPECT_TRUE(index->to_bytes() == before);
}

TEST(Labels, CanBeChanged) {
  const auto index = empty();
  index->add(Given(false).batch());
  const std::vector<Id> ids = {3, 8};
  const std::vector<Label> values = {50, 51, 0};
  const std::vector<std::size_t> offsets = {0, 2, 3};
  index->set_labels(ids, {values, offsets});
  EXPECT_EQ(index->labels_of(3), (std::vector<Label>{50, 51}));
  EXPECT_EQ(allowed(*index, Filter::label(51)), (std::vector<Id>{3}));
  EXPECT_EQ(allowed(*index, Filter::label(3)),
            those([](Id id) { return id % 5 == 3 && id != 3 && id != 8; }));
  index->set_labels(ids, {});
  EXPECT_TRUE(index->labels_of(8).empty());
  const auto before = index->to_bytes();
  EXPECT_THROW(index->set_labels(std::vector<Id>{3, 9999}, {std::span(values).first(2), {}}),
               std::invalid_argument);
  EXPECT_THROW(index->set_labels(ids, {values, {}}), std::invalid_argument);
  EXPECT_TRUE(index->to_bytes() == before);
  EXPECT_THROW((void)index->labels_of(9999), std::out_of_range);
}

TEST(Labels, AreForgottenByCompactionWithTheLastItemThatHadThem) {
  const auto index = make_index({.dim = dim, .build_beam = 40, .threads = 1});
  std::vector<Label> values(8);
  std::iota(values.begin(), values.end(), Label{0});
  Batch items = rows().part(0, 8);
  items.labels = {values, {}};
  const std::vector<Id> ids = index->add(items);
  index->remove(ids);
  index->compact();
  index->add(rows().part(0, 4));
  EXPECT_EQ(index->search(rows().part(0, 1), {.k = 4, .filter = Filter::label(1)}).counts[0], 0U);
  EXPECT_EQ(load_index(index->to_bytes())->size(), 4U);
  const auto never = make_index({.dim = dim, .build_beam = 40, .threads = 1});
  never->add(rows().part(0, 4), index->ids());
  EXPECT_EQ(index->to_bytes().size(), never->to_bytes().size());
}

TEST(Labels, OfRowsThatWaitForNewItemsAreGone) {
  const auto index = make_index({.dim = dim, .build_beam = 40, .threads = 1});
  const std::vector<Label> values(200, 5);
  Batch items = rows().part(0, 200);
  items.labels = {values, {}};
  const std::vector<Id> ids = index->add(items);
  index->remove(std::span(ids).first(100));
  ASSERT_EQ(index->stats().free, 100U);
  const std::vector<std::byte> bytes = index->to_bytes();
  const auto numbers = SectionReader(bytes).array<std::uint32_t>("labels", 200);
  EXPECT_EQ(std::count(numbers.begin(), numbers.end(), 0U), 100);
}

TEST(Labels, OfSetsOfVectors) {
  const auto index = make_index({.dim = dim,
                                 .metric = Metric::chamfer,
                                 .fde = {.k_sim = 2, .repetitions = 3},
                                 .build_beam = 40,
                                 .threads = 1});
  std::vector<std::size_t> offsets(count / 2 + 1);
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = 2 * i;
  std::vector<Label> values(count / 2);
  std::iota(values.begin(), values.end(), Label{0});
  for (Label& value : values) value %= 4;
  Batch sets = rows().batch();
  sets.offsets = offsets;
  sets.labels = {values, {}};
  index->add(sets);
  const std::vector<std::size_t> one = {0, 2};
  Batch query = rows().part(0, 2);
  query.offsets = one;
  const auto loaded = load_index(index->to_bytes());
  for (const Index* each : {index.get(), loaded.get()}) {
    const Neighbors hits = each->search(
        query,
        {.k = 100, .filter = Filter::label(2) & Filter::predicate([](Id id) { return id < 100; })});
    EXPECT_EQ(hits.counts[0], 25U);
    for (const Id id : hits.ids_of(0).first(25)) EXPECT_TRUE(id % 4 == 2 && id < 100);
  }
}

}  // namespace
}  // namespace vecinal
