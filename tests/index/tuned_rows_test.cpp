// The section "tuned" of a file: what is written comes back, what is wrong is refused.
#include "index/tuned_rows.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "index/index_file.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

std::vector<TunedSection> good() {
  return {{.target = .9,
           .recall = .92,
           .checked_recall = .91,
           .checked_low = .9,
           .checked_high = .93,
           .items = 100,
           .k = 10,
           .beam = 30,
           .rerank = 60,
           .candidates = 0,
           .gamma = .25F,
           .reserved = 0},
          {.target = .95,
           .recall = .96,
           .checked_recall = 0,
           .checked_low = 0,
           .checked_high = 1,
           .items = 100,
           .k = 10,
           .beam = 40,
           .rerank = 0,
           .candidates = 0,
           .gamma = 0,
           .reserved = 0}};
}

TunedRows read(std::span<const TunedSection> rows, bool sets = false) {
  SectionWriter writer;
  writer.add_array("tuned", rows);
  const std::vector<std::byte> bytes = bytes_of(writer);
  return read_tuned(SectionReader(bytes), sets);
}

TEST(TunedRows, ComeBackFromTheirSection) {
  const TunedRows rows = read(good());
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].defaults.gamma, .25F);
  EXPECT_EQ(rows[0].defaults.rerank, 60U);
  EXPECT_EQ(rows[1].checked_high, 1);
  const std::vector<TunedSection> again = tuned_sections(rows);
  EXPECT_EQ(std::as_bytes(std::span(again)).size(), 2 * sizeof(TunedSection));
  EXPECT_EQ(again[1].beam, 40U);
  SectionWriter writer;
  writer.add("other", {});
  const std::vector<std::byte> bytes = bytes_of(writer);
  EXPECT_TRUE(read_tuned(SectionReader(bytes), false).empty());
}

TEST(TunedRows, EveryValueOutOfRangeIsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<void (*)(TunedSection&)> faults = {
      [](TunedSection& row) { row.target = 0; },
      [](TunedSection& row) { row.target = 1.5; },
      [](TunedSection& row) { row.recall = .5; },
      [](TunedSection& row) { row.recall = 2; },
      [](TunedSection& row) { row.checked_recall = -1; },
      [](TunedSection& row) { row.checked_low = .95; },
      [](TunedSection& row) { row.checked_high = .5; },
      [](TunedSection& row) { row.checked_high = 1.5; },
      [](TunedSection& row) { row.items = 0; },
      [](TunedSection& row) { row.k = 0; },
      [](TunedSection& row) { row.beam = 0; },
      [](TunedSection& row) { row.beam = 2'000'000; },
      [](TunedSection& row) { row.rerank = 2'000'000; },
      [](TunedSection& row) { row.candidates = 5; },
      [](TunedSection& row) { row.gamma = -1; },
      [](TunedSection& row) { row.reserved = 1; },
      [](TunedSection& row) { row.target = .95; },  // twice
      [](TunedSection& row) { row.k = 11; }};       // not in order
  for (std::size_t i = 0; i < faults.size(); ++i) {
    std::vector<TunedSection> rows = good();
    faults[i](rows[0]);
    EXPECT_THROW((void)read(rows), FormatError) << i;
  }
  for (double TunedSection::*field :
       {&TunedSection::target, &TunedSection::recall, &TunedSection::checked_recall,
        &TunedSection::checked_low, &TunedSection::checked_high}) {
    std::vector<TunedSection> rows = good();
    rows[0].*field = nan;
    EXPECT_THROW((void)read(rows), FormatError);
  }
  EXPECT_THROW((void)read({}), FormatError);
  std::vector<TunedSection> sets = good();
  sets[0].candidates = 5;
  EXPECT_EQ(read(sets, true)[0].defaults.candidates, 5U);
}

TEST(TunedRows, LargerThanFilesHoldAreRefused) {
  Tuned row{.target = .5, .k = 4'294'967'295, .recall = 1, .checked_high = 1, .items = 1};
  EXPECT_NO_THROW(validate(row));
  ++row.k;
  EXPECT_THROW(validate(row), std::invalid_argument);
}

TEST(TunedRows, TheMessageListsThoseThereAre) {
  const auto refusal = [](std::span<const Tuned> rows) {
    try {
      (void)find_row(rows, .95, 10);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::vector<Tuned> rows = {{.target = .5, .k = 10}, {.target = .75, .k = 10}};
  EXPECT_NE(refusal({}).find("(nothing is)"), std::string::npos);
  EXPECT_NE(refusal(std::span(rows).first(1)).find("(0.5 at k 10 is)"), std::string::npos);
  EXPECT_NE(refusal(rows).find("(0.5 at k 10, 0.75 at k 10 are)"), std::string::npos);
}

}  // namespace
}  // namespace vecinal
