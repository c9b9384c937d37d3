#include "index/label_column.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include <algorithm>
#include <stdexcept>

namespace vecinal {
namespace {

/// Labels of slots that follow those there are.
void append(LabelColumn& column, Slot first, std::size_t count, const Labels& labels) {
  std::vector<Slot> slots(count);
  std::iota(slots.begin(), slots.end(), first);
  column.assign(slots, labels, first + count);
}

std::vector<Label> labels_at(const LabelColumn& column, Slot slot) {
  const auto labels = column.of(slot);
  return {labels.begin(), labels.end()};
}

TEST(LabelColumn, CostsNothingWithoutLabels) {
  LabelColumn column;
  append(column, 0, 1000, {});
  EXPECT_EQ(column.bytes(), 0U);
  EXPECT_EQ(column.sets(), 1U);
  EXPECT_TRUE(column.of(999).empty());
}

TEST(LabelColumn, ItemsWithTheSameLabelsShareASet) {
  LabelColumn column;
  append(column, 0, 2, {});
  const std::vector<Label> values = {5, -3, 5, 9, 9, -3, 5, 5};
  const std::vector<std::size_t> offsets = {0, 2, 2, 4, 7, 8};
  append(column, 2, 5, {values, offsets});
  EXPECT_TRUE(column.of(0).empty());
  EXPECT_EQ(labels_at(column, 2), (std::vector<Label>{-3, 5}));
  EXPECT_TRUE(column.of(3).empty());
  EXPECT_EQ(labels_at(column, 4), (std::vector<Label>{5, 9}));
  EXPECT_EQ(labels_at(column, 5), (std::vector<Label>{-3, 5, 9}));
  EXPECT_EQ(labels_at(column, 6), (std::vector<Label>{5}));
  EXPECT_EQ(column.sets(), 5U);
  const std::vector<Label> again = {9, 5};
  append(column, 7, 1, {again, std::vector<std::size_t>{0, 2}});
  EXPECT_EQ(column.number(7), column.number(4));
  EXPECT_EQ(column.sets(), 5U);
}

TEST(LabelColumn, TruncatingTakesBackSlotsAndSets) {
  LabelColumn column;
  const std::vector<Label> first = {1, 2};
  const std::vector<Label> second = {1, 3};
  append(column, 0, 2, {first, {}});
  const std::size_t sets = column.sets();
  append(column, 2, 2, {second, {}});
  column.truncate(2, sets);
  EXPECT_EQ(column.sets(), sets);
  EXPECT_EQ(column.numbers().size(), 2U);
  append(column, 2, 2, {second, {}});
  EXPECT_EQ(labels_at(column, 2), (std::vector<Label>{1}));
  EXPECT_EQ(labels_at(column, 3), (std::vector<Label>{3}));
  EXPECT_EQ(column.sets(), sets + 1);
  column.truncate(0, 1);
  EXPECT_EQ(column.sets(), 1U);
  EXPECT_TRUE(column.numbers().empty() && column.ends().empty() && column.values().empty());
}

TEST(LabelColumn, GatheringTakesSlotsAndLeavesSetsThatNoneHas) {
  LabelColumn column;
  const std::vector<Label> values = {4, 5, 6, 5};
  append(column, 0, 4, {values, {}});
  LabelColumn some;
  some.gather(column, std::vector<Slot>{1, 3});
  EXPECT_EQ(labels_at(some, 0), (std::vector<Label>{5}));
  EXPECT_EQ(labels_at(some, 1), (std::vector<Label>{5}));
  EXPECT_EQ(some.sets(), 2U);
  LabelColumn none;
  none.gather(column, {});
  EXPECT_EQ(none.sets(), 1U);
  some.swap(none);
  EXPECT_EQ(none.sets(), 2U);
  append(none, 2, 2, {std::span(values).first(2), {}});
  EXPECT_EQ(labels_at(none, 2), (std::vector<Label>{4}));
  EXPECT_EQ(labels_at(none, 3), (std::vector<Label>{5}));
  EXPECT_EQ(none.sets(), 3U);
  append(some, 0, 1, {});
  EXPECT_TRUE(some.numbers().empty());
}

/// Sets that outlive the items: a slot without a number would be read past the end.
TEST(LabelColumn, CoversNewSlotsAsLongAsThereAreSets) {
  LabelColumn column;
  const std::vector<Label> values = {4, 5};
  append(column, 0, 2, {values, {}});
  column.truncate(0, column.sets());
  append(column, 0, 3, {});
  EXPECT_EQ(column.numbers().size(), 3U);
  EXPECT_TRUE(labels_at(column, 2).empty());
}

/// Whoever chooses labels can choose them so that the hashes of two sets are equal (FNV-1a over
/// words: of two words, the second makes up for the first).
TEST(LabelColumn, SetsOfOneHashStayApart) {
  constexpr std::uint64_t basis = 0xCBF29CE484222325U;
  constexpr std::uint64_t prime = 0x100000001B3U;
  const auto carry = [&](Label first) {
    return (basis ^ static_cast<std::uint64_t>(first)) * prime;
  };
  std::vector<Label> values;
  std::vector<std::size_t> offsets = {0};
  const auto sum = carry(1) ^ std::uint64_t{INT64_MAX};
  for (Label first = 1; offsets.size() < 4; ++first) {
    const auto second = static_cast<Label>(carry(first) ^ sum);
    if (second <= first) continue;  // sets ascend
    values.insert(values.end(), {first, second});
    offsets.push_back(values.size());
  }
  LabelColumn column;
  append(column, 0, 3, {values, offsets});
  EXPECT_EQ(column.sets(), 4U);
  for (Slot slot = 0; slot < 3; ++slot)
    EXPECT_EQ(labels_at(column, slot),
              (std::vector<Label>{values[2 * slot], values[2 * slot + 1]}));
  append(column, 3, 3, {values, offsets});
  EXPECT_EQ(column.sets(), 4U) << "each is found again";
  for (Slot slot = 0; slot < 3; ++slot) EXPECT_EQ(column.number(slot), column.number(3 + slot));
}

TEST(LabelColumn, GatheredSlotsMayHaveNoLabels) {
  LabelColumn column;
  const std::vector<Label> values = {4};
  append(column, 0, 2, {values, std::vector<std::size_t>{0, 0, 1}});
  LabelColumn some;
  some.gather(column, std::vector<Slot>{0, 1});
  EXPECT_TRUE(some.of(0).empty());
  EXPECT_EQ(labels_at(some, 1), (std::vector<Label>{4}));
}

TEST(LabelColumn, CopiesTheLabelsOfASlot) {
  LabelColumn column;
  column.copy(0, 1, 2);
  EXPECT_EQ(column.bytes(), 0U) << "there are none";
  const std::vector<Label> values = {4, 5};
  append(column, 0, 2, {values, {}});
  column.copy(0, 2, 3);
  EXPECT_EQ(labels_at(column, 2), (std::vector<Label>{4}));
}

TEST(LabelColumn, KeepsOutgrownMemoryUntilItIsReleased) {
  constexpr std::size_t past_the_first = std::size_t{3} << 30U;  // bytes; none of them is touched
  const std::vector<Label> values = {4, 5};
  for (const int which : {0, 1, 2}) {
    LabelColumn column;
    append(column, 0, 2, {values, {}});
    EXPECT_FALSE(column.has_retired());
    if (which == 0) column.numbers().reserve(past_the_first / sizeof(LabelColumn::Number));
    if (which == 1) column.ends().reserve(past_the_first / sizeof(std::uint64_t));
    if (which == 2) column.values().reserve(past_the_first / sizeof(Label));
    EXPECT_TRUE(column.has_retired()) << which;
    column.release_retired();
    EXPECT_FALSE(column.has_retired()) << which;
    EXPECT_EQ(labels_at(column, 1), (std::vector<Label>{5}));
  }
}

/// A search may have noted how many sets there are before a change makes one and gives it to a
/// slot.
TEST(LabelColumn, ASetThatCameAfterASearchBeganIsNone) {
  LabelColumn column;
  const std::vector<Label> values = {4, 5};
  append(column, 0, 2, {values, {}});
  column.numbers()[1] = static_cast<LabelColumn::Number>(column.sets());
  EXPECT_TRUE(column.of(1).empty());
  EXPECT_EQ(labels_at(column, 0), (std::vector<Label>{4}));
}

TEST(LabelColumn, SaysWhatIsWrongWithAFile) {
  using Numbers = std::vector<LabelColumn::Number>;
  const auto fault_of = [](const Numbers& numbers, const std::vector<std::uint64_t>& ends,
                           const std::vector<Label>& values) {
    LabelColumn column;
    for (const LabelColumn::Number number : numbers) column.numbers().push_back(number);
    for (const std::uint64_t end : ends) column.ends().push_back(end);
    for (const Label value : values) column.values().push_back(value);
    return column.adopt(3);
  };
  EXPECT_EQ(fault_of({0, 1, 2}, {0, 1, 3}, {4, 4, 5}), "");
  EXPECT_NE(fault_of({0, 1}, {0, 1, 3}, {4, 4, 5}), "") << "a row without a number";
  EXPECT_NE(fault_of({0, 1, 3}, {0, 1, 3}, {4, 4, 5}), "") << "a set that there is not";
  EXPECT_NE(fault_of({0, 1, 2}, {0, 1, 3}, {4, 5, 4}), "") << "descending labels";
  EXPECT_NE(fault_of({0, 1, 2}, {0, 1, 3}, {4, 5, 5}), "") << "a label twice";
  EXPECT_NE(fault_of({0, 1, 2}, {0, 1, 2}, {4, 4}), "") << "a set twice";
  EXPECT_NE(fault_of({0, 1, 2}, {0, 2, 2}, {4, 5}), "") << "an empty set";
  EXPECT_NE(fault_of({0, 1, 2}, {0, 9, 3}, {4, 4, 5}), "") << "an end past the values";
  EXPECT_NE(fault_of({0, 1, 2}, {1, 2, 3}, {4, 4, 5}), "") << "labels of no set";
  EXPECT_NE(fault_of({0, 0, 0}, {0}, {}), "") << "no sets";
}

TEST(LabelColumn, RefusesLabelsThatDoNotGoWithTheItems) {
  const std::vector<Label> values = {1, 2, 3};
  const auto refused = [&](std::vector<std::size_t> offsets, std::size_t items) {
    EXPECT_THROW(validate_labels({values, offsets}, items, "add"), std::invalid_argument);
  };
  refused({}, 2);
  refused({0, 1, 2}, 2);
  refused({0, 3}, 2);
  refused({1, 2, 3}, 2);
  refused({0, 4, 3}, 2);
  EXPECT_NO_THROW(validate_labels({values, {}}, 3, "add"));
  EXPECT_NO_THROW(validate_labels({values, std::vector<std::size_t>{0, 0, 3}}, 2, "add"));
  EXPECT_NO_THROW(validate_labels({}, 7, "add"));
}

}  // namespace
}  // namespace vecinal
