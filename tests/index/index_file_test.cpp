#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

std::unique_ptr<Index> small_index() {
  auto index = make_index({.dim = 3, .degree = 4, .build_beam = 10, .seed = 5});
  index->add(test::clustered(24, 3, 1).batch());
  index->remove(std::vector<Id>{7});
  return index;
}

/// Every section that a file can have, in as few bytes as can be.
std::unique_ptr<Index> small_trained_index() {
  auto index = make_index({.dim = 3,
                           .encoding = Encoding::lvq4x8,
                           .reduction = Reduction::leanvec_ood,
                           .reduced_dim = 2,
                           .degree = 4,
                           .build_beam = 10});
  index->train(test::clustered(30, 3, 1).batch(), test::clustered(30, 3, 2).batch());
  const test::Rows rows = test::clustered(12, 3, 1);
  const std::vector<Label> labels = {4, 4, 5, 6, 4, 5, 9, 9, 4, 4, 7, 7};
  Batch items = rows.batch();
  items.labels = {labels, {}};
  index->add(items);
  for (const double target : {.5, .75})
    index->keep_tuned({.target = target,
                       .k = 2,
                       .recall = 1,
                       .checked_recall = .75,
                       .checked_low = .5,
                       .checked_high = 1,
                       .items = 12});
  return index;
}

class IndexFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "vecinal.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(IndexFile, CopiedAndMappedLoadsAnswerAlike) {
  const test::Rows rows = test::clustered(3000, 32, 2);
  const auto index = make_index({.dim = 32});
  index->add(rows.part(0, 2500));
  index->save(folder_ / "a.vcn");
  const auto copied = load_index(folder_ / "a.vcn");
  const auto mapped = load_index(folder_ / "a.vcn", {.map = true});
  EXPECT_EQ(copied->search(rows.part(0, 50)).ids, index->search(rows.part(0, 50)).ids);
  EXPECT_EQ(mapped->search(rows.part(0, 50)).ids, index->search(rows.part(0, 50)).ids);
  // A mapped index is copy-on-write: it grows, and the file does not change.
  mapped->add(rows.part(2500, 500));
  copied->add(rows.part(2500, 500));
  EXPECT_EQ(mapped->to_bytes(), copied->to_bytes());
  EXPECT_EQ(load_index(folder_ / "a.vcn")->size(), 2500U);
  EXPECT_EQ(file_info(folder_ / "a.vcn").size, 2500U);
}

TEST_F(IndexFile, InfoSaysWhatWasTuned) {
  const auto index = small_trained_index();
  index->set_defaults({.beam = 20, .gamma = 0.5F});
  index->save(folder_ / "a.vcn");
  const FileInfo info = file_info(folder_ / "a.vcn");
  ASSERT_EQ(info.tuned.size(), 2U);
  EXPECT_EQ(info.tuned[1].target, .75);
  EXPECT_EQ(info.tuned[1].items, 12U);
  EXPECT_EQ(info.defaults.gamma, 0.5F);
}

TEST_F(IndexFile, SavingReplacesAndLeavesNothingBehind) {
  small_index()->save(folder_ / "a.vcn");
  small_index()->save(folder_ / "a.vcn");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  EXPECT_THROW(small_index()->save(folder_ / "no" / "a.vcn"), std::filesystem::filesystem_error);
  EXPECT_THROW((void)load_index(folder_ / "missing.vcn"), std::filesystem::filesystem_error);
  std::ofstream(folder_ / "empty.vcn");
  EXPECT_THROW((void)load_index(folder_ / "empty.vcn"), FormatError);
}

class HostileFile : public ::testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] std::vector<std::byte> bytes() const {
    return (GetParam() ? small_trained_index() : small_index())->to_bytes();
  }
};

TEST_P(HostileFile, EveryFlippedBitIsRefused) {
  auto bytes = this->bytes();
  (void)load_index(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_THROW((void)load_index(bytes), FormatError) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
}

TEST_P(HostileFile, EveryTruncationAndExtensionIsRefused) {
  const auto bytes = this->bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THROW((void)load_index(std::span(bytes).first(length)), FormatError) << length;
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_THROW((void)load_index(longer), FormatError);
  longer = bytes;
  longer.insert(longer.end() - 16, 64, std::byte{0});  // its footer is the last there is
  EXPECT_THROW((void)load_index(longer), FormatError);
}

INSTANTIATE_TEST_SUITE_P(Kinds, HostileFile, ::testing::Bool(), [](const auto& param_info) {
  return std::string(param_info.param ? "trained" : "plain");
});

}  // namespace
}  // namespace vecinal
