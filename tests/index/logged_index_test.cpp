// An open index is its index inside, but for what goes to the log.
#include <gtest/gtest.h>

#include "cli/temporary_folder.hpp"
#include "support/data.hpp"
#include "vecinal/open.hpp"

namespace vecinal {
namespace {

class LoggedIndexTest : public ::testing::Test {
 protected:
  Config config_{.dim = 3, .degree = 4, .build_beam = 10};
  test::Rows rows_ = test::clustered(30, 3, 1);
  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.vcn";
};

TEST_F(LoggedIndexTest, AnswersAsTheIndexInside) {
  const std::vector<Id> ids = {7, 9, 11};
  const std::vector<Label> labels = {4, 5, 6};
  Batch items = rows_.part(0, 3);
  items.labels = {labels, {}};
  const auto plain = make_index(config_);
  plain->add(items, ids);
  const auto open = open_index(file_, config_);
  EXPECT_EQ(open->add(items, ids), ids);
  EXPECT_EQ(open->size(), 3U);
  EXPECT_EQ(open->ids(), ids);
  EXPECT_TRUE(open->contains(9));
  EXPECT_FALSE(open->contains(0));
  EXPECT_EQ(open->vectors_of(9), 1U);
  EXPECT_EQ(open->labels_of(9), std::vector<Label>{5});
  EXPECT_THROW((void)open->vectors_of(0), std::out_of_range);
  EXPECT_THROW((void)open->labels_of(0), std::out_of_range);
  std::vector<float> row(3);
  open->get(11, row);
  EXPECT_TRUE(std::equal(row.begin(), row.end(), items.row(2)));
  EXPECT_THROW(open->get(0, row), std::out_of_range);
  EXPECT_THROW(open->get(11, std::span(row).first(2)), std::invalid_argument);
  open->set_defaults({.beam = 33});
  EXPECT_EQ(open->defaults().beam, 33U);
  const Batch query = rows_.part(5, 1);
  EXPECT_EQ(open->search(query, {.k = 3}).ids, plain->search(query, {.k = 3}).ids);
  EXPECT_EQ(open->rerank(query, ids, {.k = 2}).ids, plain->rerank(query, ids, {.k = 2}).ids);
}

/// The log has the rows without what lies between them.
TEST_F(LoggedIndexTest, RowsMayLieApart) {
  std::vector<float> wide(4 * 5, -1.0F);
  for (std::size_t i = 0; i < 4; ++i) std::copy_n(rows_.batch().row(i), 3, wide.data() + i * 5);
  const auto plain = make_index(config_);
  plain->add(rows_.part(0, 4));
  open_index(file_, config_)->add({.data = wide.data(), .count = 4, .dim = 3, .stride = 5});
  const auto size = std::filesystem::file_size(folder_ / "a.vcn.log");
  EXPECT_EQ(open_index(file_)->to_bytes(), plain->to_bytes());
  std::filesystem::remove(file_);
  std::filesystem::remove(folder_ / "a.vcn.log");
  Batch dense = rows_.part(0, 4);
  dense.stride = 3;
  open_index(file_, config_)->add(dense);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "a.vcn.log"), size);
}

/// What was measured before links changed is not kept, and the log forgets that it was asked to.
TEST_F(LoggedIndexTest, OutdatedTuningIsNotLogged) {
  const auto index = open_index(file_, config_);
  index->add(rows_.part(0, 20));
  const Tuned row{.target = .5,
                  .k = 2,
                  .recall = 1,
                  .checked_recall = .75,
                  .checked_low = .5,
                  .checked_high = 1,
                  .items = 20,
                  .revision = index->stats().revision};
  EXPECT_TRUE(index->keep_tuned(row));
  index->fit_queries(rows_.batch(), {.beam = 20, .neighbors = 5});
  const std::string log = cli::content_of(folder_ / "a.vcn.log");
  EXPECT_FALSE(index->keep_tuned(row));
  EXPECT_TRUE(cli::content_of(folder_ / "a.vcn.log") == log);
}

}  // namespace
}  // namespace vecinal
