#include "data_set.hpp"

#include <gtest/gtest.h>

#include <string>

#include "file_bytes.hpp"
#include "read_error.hpp"
#include "temporary_folder.hpp"

namespace vecinal::cli {
namespace {

void expect_refused(const TemporaryFolder& folder, const std::string& reason) {
  try {
    static_cast<void>(find_files(folder.path()));
    FAIL() << "accepted";
  } catch (const ReadError& error) {
    EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
  }
}

TEST(FindFiles, TakesEachByItsName) {
  const TemporaryFolder folder;
  folder.write("base_f16.npy", "");
  folder.write("base_words.txt.gz", "");
  folder.write("basement.npy", "");
  folder.write("queries.fvecs", "");
  folder.write("gt_l2_100.ibin", "");
  folder.write("meta.json", R"({"metric": "cosine", "other": 1})");
  const DataFiles files = find_files(folder.path());
  EXPECT_EQ(files.base, folder / "base_f16.npy");
  EXPECT_EQ(files.queries, folder / "queries.fvecs");
  EXPECT_EQ(files.truth, folder / "gt_l2_100.ibin");
  EXPECT_EQ(files.metric, Metric::cosine);
}

TEST(FindFiles, TruthAndMetaMayBeMissing) {
  const TemporaryFolder folder;
  folder.write("base.npy", "");
  folder.write("queries.npy", "");
  const DataFiles files = find_files(folder.path());
  EXPECT_TRUE(files.truth.empty());
  EXPECT_FALSE(files.metric.has_value());
}

TEST(FindFiles, BaseAndQueriesMayNot) {
  const TemporaryFolder folder;
  expect_refused(folder, "base.npy");
  folder.write("base.npy", "");
  expect_refused(folder, "queries.npy");
}

TEST(FindFiles, TwoOfAKindAreRefused) {
  const TemporaryFolder folder;
  folder.write("base.npy", "");
  folder.write("base.fbin", "");
  folder.write("queries.npy", "");
  expect_refused(folder, "base.fbin and base.npy");
}

TEST(FindFiles, ABadMetaIsRefused) {
  for (const char* meta : {"", "{", "[]", "3", R"({"metric": 3})", R"({"metric": "hamming"})"}) {
    const TemporaryFolder folder;
    folder.write("base.npy", "");
    folder.write("queries.npy", "");
    folder.write("meta.json", meta);
    SCOPED_TRACE(meta);
    expect_refused(folder, "meta.json: ");
  }
}

TEST(FindFiles, AMissingFolderIsAnError) {
  const TemporaryFolder folder;
  EXPECT_THROW(static_cast<void>(find_files(folder / "missing")),
               std::filesystem::filesystem_error);
}

TEST(ReadTruth, MustFitTheQueriesKAndTheItems) {
  const TemporaryFolder folder;
  const auto file = folder.write("gt.ibin", bin(2, 2, raw_list<std::int32_t>({3, 0, 1, 2})));
  EXPECT_EQ(read_truth(file, 2, 2, 4).values, (std::vector<Id>{3, 0, 1, 2}));
  EXPECT_NO_THROW(static_cast<void>(read_truth(file, 2, 1, 0)));
  EXPECT_THROW(static_cast<void>(read_truth(file, 3, 2, 4)), ReadError);
  EXPECT_THROW(static_cast<void>(read_truth(file, 2, 3, 4)), ReadError);
  EXPECT_THROW(static_cast<void>(read_truth(file, 2, 2, 3)), ReadError);
}

}  // namespace
}  // namespace vecinal::cli
