// Progress of training, saving, loading, opening and checking: told in order, and a call that is
// cancelled leaves everything as it was. (Of the calls that change items: with their other tests.)
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>

#include "cli/temporary_folder.hpp"
#include "core/progress.hpp"
#include "support/changes.hpp"
#include "vecinal/open.hpp"

namespace vecinal {
namespace {

bool never(std::size_t, std::size_t) { return false; }

/// Notes the calls of a progress callback, none of which is left out meanwhile.
class Told {
 public:
  Told() { progress_interval = {}; }
  Told(const Told&) = default;
  Told& operator=(const Told&) = default;
  ~Told() { progress_interval = std::chrono::milliseconds(50); }

  /// The call with the number `last`, if there are so many, cancels.
  [[nodiscard]] Progress until(std::size_t last) {
    done.clear();
    totals.clear();
    return [this, last](std::size_t now, std::size_t total) {
      done.push_back(now);
      totals.push_back(total);
      return done.size() != last;
    };
  }
  [[nodiscard]] Progress all() { return until(0); }

  /// In order, of one total, and all of it in the end.
  void expect_whole(std::size_t total) const {
    ASSERT_GE(done.size(), 2U);
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
    EXPECT_EQ(done.back(), total);
    EXPECT_EQ(std::count(totals.begin(), totals.end(), total), std::ssize(totals));
  }

  std::vector<std::size_t> done;
  std::vector<std::size_t> totals;
};

/// Runs call(progress), and again so that it is cancelled at the first call back and at the last
/// one that can. Returns what the first run told.
Told expect_told_and_cancelled(std::size_t total, const std::function<void(const Progress&)>& call,
                               const std::function<void()>& expect_unchanged) {
  Told told;
  call(told.all());
  told.expect_whole(total);
  for (const std::size_t at : {std::size_t{1}, told.done.size() - 1}) {
    Told cut;
    EXPECT_THROW(call(cut.until(at)), Cancelled) << at;
    EXPECT_EQ(cut.done.size(), at);
    expect_unchanged();
  }
  return told;
}

class ProgressTest : public ::testing::TestWithParam<test::Make> {
 protected:
  /// With few levels, so that files have few sections.
  [[nodiscard]] static Config config() {
    Config config = GetParam().config;
    config.degree = 32;
    return config;
  }

  /// Labelled items, some of them removed.
  [[nodiscard]] static std::unique_ptr<Index> filled() {
    const test::Changes changes(config());
    auto index = make_index(config());
    for (std::size_t i = 0; i < 6; ++i) changes[i].make(*index);
    return index;
  }

  [[nodiscard]] std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path()), {});
  }

  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.vcn";
};

/// Each kind of file; the others take the same ways.
std::vector<test::Make> makes() {
  std::vector<test::Make> all = test::makes(2);
  std::erase_if(all, [](const test::Make& make) { return make.name == "plain"; });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Makes, ProgressTest, ::testing::ValuesIn(makes()),
                         [](const auto& made) { return made.param.name; });

TEST_P(ProgressTest, OfCheckingIsRows) {
  const auto index = filled();
  const auto before = index->to_bytes();
  const Stats stats = index->stats();
  expect_told_and_cancelled(
      stats.size + stats.removed,
      [&](const Progress& progress) { EXPECT_TRUE(index->check(progress).empty()); },
      [&] { EXPECT_EQ(index->to_bytes(), before); });
}

TEST_P(ProgressTest, OfCompactingIsItems) {
  const auto index = filled();
  index->compact();
  const auto compact = index->to_bytes();
  expect_told_and_cancelled(
      index->size(), [&](const Progress& progress) { index->compact(progress); },
      [&] { EXPECT_EQ(index->to_bytes(), compact); });
}

TEST_P(ProgressTest, OfSavingIsBytesAndTheOldFileStays) {
  const auto index = filled();
  const std::size_t size = index->to_bytes().size();
  cli::TemporaryFolder other;
  Told told;
  index->save(other / "a.vcn", told.all());
  told.expect_whole(size);
  EXPECT_EQ(std::filesystem::file_size(other / "a.vcn"), size);

  folder_.write("a.vcn", "what was there");
  EXPECT_THROW(index->save(file_, Told().until(told.done.size() - 1)), Cancelled);
  EXPECT_EQ(cli::content_of(file_), "what was there");
  EXPECT_EQ(files(), 1) << "no temporary file is left";
  EXPECT_THROW(index->save(folder_ / "new.vcn", never), Cancelled);
  EXPECT_EQ(files(), 1);
  index->save(file_);
  EXPECT_EQ(load_index(file_)->to_bytes(), index->to_bytes());
}

TEST_P(ProgressTest, OfMakingBytesIsBytes) {
  const auto index = filled();
  const auto bytes = index->to_bytes();
  expect_told_and_cancelled(
      bytes.size(), [&](const Progress& progress) { EXPECT_EQ(index->to_bytes(progress), bytes); },
      [&] { EXPECT_EQ(index->to_bytes(), bytes); });
}

TEST_P(ProgressTest, OfLoadingIsBytes) {
  const auto index = filled();
  index->save(file_);
  const auto bytes = index->to_bytes();
  const auto load = [&](const Progress& progress) {
    EXPECT_EQ(load_index(file_, {.progress = progress})->to_bytes(), bytes);
  };
  expect_told_and_cancelled(bytes.size(), load,
                            [&] { EXPECT_EQ(std::filesystem::file_size(file_), bytes.size()); });
  for (const bool map : {false, true})
    EXPECT_THROW((void)load_index(file_, {.map = map, .verify = false, .progress = never}),
                 Cancelled);
  EXPECT_THROW((void)load_index(bytes, {.progress = never}), Cancelled);
}

TEST_P(ProgressTest, OfTrainingIsVectorsAndACancelledOneLearnsNothing) {
  const Config config = ProgressTest::config();
  const test::Sets sets = test::random_sets(30, config.dim, 7);
  const test::Rows rows = test::clustered(60, config.dim, 7);
  const Batch sample = config.metric == Metric::chamfer ? sets.batch() : rows.batch();
  const auto untouched = make_index(config)->to_bytes();
  auto index = make_index(config);
  Told told;
  index->train(sample, sample, told.all());
  EXPECT_EQ(told.done.back(), sample.items());
  EXPECT_EQ(told.totals.back(), sample.items());
  EXPECT_TRUE(std::is_sorted(told.done.begin(), told.done.end()));
  const auto trained = index->to_bytes();
  EXPECT_GT(told.done.size(), 1U);

  for (std::size_t at = 1; at < told.done.size(); ++at) {
    index = make_index(config);
    EXPECT_THROW(index->train(sample, sample, Told().until(at)), Cancelled);
    EXPECT_EQ(index->to_bytes(), untouched);
    index->train(sample, sample);
    EXPECT_EQ(index->to_bytes(), trained);
  }
}

class OpenProgress : public ::testing::Test {
 protected:
  test::Rows rows_ = test::clustered(30, 7, 2);
  Config config_{.dim = 7, .degree = 32, .build_beam = 20};
  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.vcn";
  std::filesystem::path log_ = folder_ / "a.vcn.log";
};

TEST_F(OpenProgress, IsOfTheFileAndThenOfTheLog) {
  {
    const auto index = open_index(file_, config_);
    for (std::size_t i = 0; i < 3; ++i) index->add(rows_.part(10 * i, 10));
  }
  const std::string file = cli::content_of(file_);
  const std::string log = cli::content_of(log_);
  const Told told = expect_told_and_cancelled(
      file.size() + log.size(),
      [&](const Progress& progress) {
        EXPECT_EQ(open_index(file_, {}, {.progress = progress})->size(), 30U);
      },
      [&] {
        EXPECT_EQ(cli::content_of(file_), file);
        EXPECT_EQ(cli::content_of(log_), log);
      });
  EXPECT_GE(std::count_if(told.done.begin(), told.done.end(),
                          [&](std::size_t done) { return done >= file.size(); }),
            4)
      << "three records, and the end";
}

TEST_F(OpenProgress, ACancelledTrainingLeavesNoRecord) {
  config_.encoding = Encoding::lvq8;
  const auto index = open_index(file_, config_);
  const std::string log = cli::content_of(log_);
  EXPECT_THROW(index->train(rows_.batch(), {}, never), Cancelled);
  EXPECT_EQ(cli::content_of(log_), log);
  EXPECT_FALSE(index->stats().trained);
}

TEST_F(OpenProgress, ACancelledCheckpointLeavesFileAndLog) {
  const auto index = open_index(file_, config_);
  index->add(rows_.part(0, 10));
  const std::string file = cli::content_of(file_);
  const std::string log = cli::content_of(log_);
  EXPECT_THROW(index->checkpoint(never), Cancelled);
  EXPECT_THROW(index->save(file_, never), Cancelled);
  EXPECT_EQ(cli::content_of(file_), file);
  EXPECT_EQ(cli::content_of(log_), log);
  EXPECT_EQ(index->log().records, 1U);
  Told told;
  index->checkpoint(told.all());
  told.expect_whole(std::filesystem::file_size(file_));
  EXPECT_EQ(index->log().records, 0U);
}

}  // namespace
}  // namespace vecinal
