// Indexes with a log: what was acknowledged is there again, byte for byte, whatever happened.
#include "vecinal/open.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "cli/temporary_folder.hpp"
#include "core/log_file.hpp"
#include "support/changes.hpp"

namespace vecinal {
namespace {

using test::Changes;

class OpenTest : public ::testing::TestWithParam<test::Make> {
 protected:
  [[nodiscard]] static const Config& config() { return GetParam().config; }
  [[nodiscard]] std::unique_ptr<LoggedIndex> open(const OpenOptions& options = {}) const {
    return open_index(file_, config(), options);
  }

  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.vcn";
  std::filesystem::path log_ = folder_ / "a.vcn.log";
};

INSTANTIATE_TEST_SUITE_P(Makes, OpenTest, ::testing::ValuesIn(test::makes(2)),
                         [](const auto& made) { return made.param.name; });

TEST_P(OpenTest, EveryChangeIsThereAgainByteForByte) {
  const Changes changes(config());
  const auto plain = make_index(config());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    changes[i].make(*plain);
    {
      const auto index = open();
      EXPECT_EQ(index->log().records, i);
      changes[i].make(*index);
      EXPECT_EQ(index->to_bytes(), plain->to_bytes()) << changes[i].name;
    }
    EXPECT_EQ(open()->to_bytes(), plain->to_bytes()) << "after " << changes[i].name;
  }
  EXPECT_TRUE(open()->check().empty());
}

TEST_P(OpenTest, ACheckpointHoldsAllOfItAtEveryMoment) {
  const Changes changes(config());
  const auto plain = make_index(config());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    changes[i].make(*plain);
    const auto index = open();
    changes[i].make(*index);
    // As if the process had gone between the new file and the new log.
    std::filesystem::copy_file(log_, folder_ / "old.log",
                               std::filesystem::copy_options::overwrite_existing);
    index->checkpoint();
    EXPECT_EQ(index->log().records, 0U);
    EXPECT_EQ(load_index(file_)->to_bytes(), plain->to_bytes());
    index->close();
    if (i % 2 == 0) std::filesystem::rename(folder_ / "old.log", log_);
    EXPECT_EQ(open()->to_bytes(), plain->to_bytes()) << "after " << changes[i].name;
    EXPECT_EQ(std::filesystem::file_size(log_), 64U) << "what the file has is kept no longer";
  }
}

TEST_P(OpenTest, AFileMayHaveSomeOfTheRecords) {
  const Changes changes(config());
  const auto plain = make_index(config());
  const auto make = [&](std::size_t first, std::size_t end) {
    const auto index = open();
    for (std::size_t i = first; i < end; ++i) changes[i].make(*index);
  };
  const auto copy = [&](const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  };
  for (std::size_t i = 0; i < 5; ++i) changes[i].make(*plain);
  make(0, 3);
  copy(file_, folder_ / "empty.vcn");
  copy(log_, folder_ / "three.log");
  open()->checkpoint();
  copy(file_, folder_ / "three.vcn");
  copy(folder_ / "empty.vcn", file_);
  copy(folder_ / "three.log", log_);
  make(3, 5);
  copy(folder_ / "three.vcn", file_);
  EXPECT_EQ(open()->log().records, 2U);
  EXPECT_EQ(open()->to_bytes(), plain->to_bytes());
}

TEST_P(OpenTest, WhatIsRefusedLeavesNoTrace) {
  const Changes changes(config());
  Config limited = config();
  limited.memory_limit = 300'000;
  const auto index = open_index(file_, limited);
  for (std::size_t i = 0; i < 4; ++i) changes[i].make(*index);
  const auto bytes = index->to_bytes();
  const std::string log = cli::content_of(log_);
  const std::vector<float> wrong(config().dim + 1, 1.0F);
  const Batch wide{.data = wrong.data(), .count = 1, .dim = config().dim + 1};
  EXPECT_THROW(index->add(wide), std::invalid_argument);
  EXPECT_THROW(index->train(wide), std::invalid_argument);
  EXPECT_THROW(index->update(std::vector<Id>{99'999}, {}), std::invalid_argument);
  EXPECT_THROW(index->set_labels(std::vector<Id>{99'999}, {}), std::invalid_argument);
  EXPECT_THROW(index->set_defaults({.beam = 0}), std::invalid_argument);
  EXPECT_THROW(index->retrain(wide), std::invalid_argument);
  EXPECT_THROW(index->fit_queries(wide), std::invalid_argument);
  const test::Rows rows = test::clustered(10'000, config().dim, 3);
  std::vector<std::size_t> offsets(rows.count / 2 + 1);
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = 2 * i;
  Batch many = rows.batch();
  if (config().metric == Metric::chamfer) many.offsets = offsets;
  EXPECT_THROW(index->add(many), MemoryLimit);
  EXPECT_EQ(index->to_bytes(), bytes);
  EXPECT_EQ(cli::content_of(log_), log);
  index->close();
  EXPECT_EQ(open()->to_bytes(), bytes);
}

TEST_P(OpenTest, ATornEndIsDroppedAndTold) {
  const Changes changes(config());
  std::vector<std::byte> before;
  {
    const auto index = open({.sync = Sync::on_flush});
    for (std::size_t i = 0; i < 4; ++i) {
      before = index->to_bytes();
      changes[i].make(*index);
    }
    index->flush();
  }
  std::filesystem::resize_file(log_, std::filesystem::file_size(log_) - 1);
  {
    const auto index = open();
    EXPECT_EQ(index->to_bytes(), before);
    EXPECT_EQ(index->log().records, 3U);
    EXPECT_GT(index->log().torn, 0U);
    changes[3].make(*index);
  }
  EXPECT_EQ(open()->log().torn, 0U);
  EXPECT_EQ(open()->log().records, 4U);
}

class Open : public ::testing::Test {
 protected:
  Config config_{.dim = 3, .degree = 4, .build_beam = 10};
  test::Rows rows_ = test::clustered(30, 3, 1);
  cli::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "a.vcn";
  std::filesystem::path log_ = folder_ / "a.vcn.log";
};

TEST_F(Open, TakesAPlainFileAndSavesCopies) {
  const auto plain = make_index(config_);
  plain->add(rows_.part(0, 10));
  plain->save(file_);
  const std::string saved = cli::content_of(file_);
  {
    const auto index = open_index(file_);
    index->add(rows_.part(10, 10));
    EXPECT_EQ(cli::content_of(file_), saved);
    index->save(folder_ / "copy.vcn");
    EXPECT_EQ(index->log().records, 1U);
  }
  plain->add(rows_.part(10, 10));
  EXPECT_EQ(open_index(file_, config_)->to_bytes(), plain->to_bytes());
  EXPECT_EQ(load_index(folder_ / "copy.vcn")->to_bytes(), plain->to_bytes());
  {
    const auto index = open_index(file_);
    index->save(file_);
    EXPECT_EQ(index->log().records, 0U);
  }
  EXPECT_EQ(load_index(file_)->to_bytes(), plain->to_bytes());
  EXPECT_EQ(file_info(file_).sections.back().tag, "log");
}

TEST_F(Open, RefusesAnotherConfigAndWhatIsNotThere) {
  EXPECT_THROW((void)open_index(file_), std::filesystem::filesystem_error);
  EXPECT_THROW((void)open_index(file_, {.dim = 0, .degree = 3}), std::exception);
  EXPECT_THROW((void)open_index(file_, {.dim = 3, .degree = 3}), std::invalid_argument);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  open_index(file_, config_)->add(rows_.batch());
  try {
    (void)open_index(file_, {.dim = 3, .degree = 8, .build_beam = 10});
    FAIL() << "another degree";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "open: the index has degree 4, the config has 8");
  }
  EXPECT_EQ(open_index(file_, config_)->size(), 30U);
}

/// What the file has is what counts; a config that says otherwise is a mistake of its caller.
TEST_F(Open, EveryFieldThatIsSavedIsCompared) {
  using Other = std::pair<std::string, std::function<void(Config&)>>;
  const std::vector<Other> others = {
      {"dim", [](Config& c) { c.dim = 4; }},
      {"metric", [](Config& c) { c.metric = Metric::cosine; }},
      {"encoding", [](Config& c) { c.encoding = Encoding::f16; }},
      {"reduction", [](Config& c) { c.reduction = Reduction::pca; }},
      {"reduced_dim", [](Config& c) { c.reduced_dim = 2; }},
      {"quantizer", [](Config& c) { c.quantizer = Quantizer::plain; }},
      {"keep", [](Config& c) { c.keep = Keep::f32; }},
      {"layout", [](Config& c) { c.layout = Layout::fused; }},
      {"graph", [](Config& c) { c.graph = GraphKind::none; }},
      {"degree", [](Config& c) { c.degree = 8; }},
      {"build_beam", [](Config& c) { c.build_beam = 11; }},
      {"order", [](Config& c) { c.order = InsertionOrder::given; }},
      {"seed", [](Config& c) { c.seed = 1; }}};
  const std::vector<Other> others_of_sets = {
      {"fde.k_sim", [](Config& c) { c.fde.k_sim = 2; }},
      {"fde.projected_dim", [](Config& c) { c.fde.projected_dim = 2; }},
      {"fde.projection", [](Config& c) { c.fde.projection = InnerProjection::dense; }},
      {"fde.repetitions", [](Config& c) { c.fde.repetitions = 3; }},
      {"fde.final_dim", [](Config& c) { c.fde.final_dim = 4; }},
      {"fde.fill_empty", [](Config& c) { c.fde.fill_empty = false; }},
      {"tokens", [](Config& c) { c.tokens = Encoding::f16; }},
      {"pooling", [](Config& c) { c.pooling = 2; }}};
  const auto compare = [&](const char* name, const Config& config, std::span<const Other> fields) {
    (void)open_index(folder_ / name, config);
    for (const auto& [field, change] : fields) {
      Config other = config;
      change(other);
      try {
        (void)open_index(folder_ / name, other);
        ADD_FAILURE() << "another " << field;
      } catch (const std::invalid_argument& error) {
        EXPECT_EQ(std::string(error.what()).rfind("open: the index has " + field + " ", 0), 0U)
            << error.what();
      }
    }
    EXPECT_EQ(open_index(folder_ / name, config)->size(), 0U);
  };
  compare("a.vcn", config_, others);
  config_.metric = Metric::chamfer;
  config_.fde = {.k_sim = 1, .repetitions = 2};
  compare("sets.vcn", config_, others_of_sets);
}

TEST_F(Open, SavingToItsFileIsACheckpointHoweverThePathIsSpelt) {
  std::filesystem::create_directory(folder_ / "b");
  const auto index = open_index(file_, config_);
  const auto expect_checkpoint = [&](const std::filesystem::path& path) {
    index->add(rows_.part(index->size(), 5));
    EXPECT_EQ(index->log().records, 1U);
    index->save(path);
    EXPECT_EQ(index->log().records, 0U) << path;
    EXPECT_EQ(load_index(file_)->to_bytes(), index->to_bytes());
  };
  expect_checkpoint(file_);
  expect_checkpoint(folder_ / "b" / ".." / "a.vcn");
  std::filesystem::remove(file_);
  expect_checkpoint(folder_ / "b" / ".." / "a.vcn");  // it is not there and would be the same
}

TEST_F(Open, RefusesTheLogOfAnotherFile) {
  for (const char* name : {"a.vcn", "b.vcn"}) {
    const auto index = open_index(folder_ / name, config_);
    index->add(rows_.batch());
  }
  std::filesystem::copy_file(folder_ / "b.vcn.log", log_,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THROW((void)open_index(file_), FormatError);
  std::filesystem::remove(file_);
  EXPECT_THROW((void)open_index(file_, config_), FormatError);
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(Open, RefusesALogThatAnotherSaveHasCutOff) {
  const auto plain = make_index(config_);
  plain->save(file_);
  open_index(file_)->add(rows_.part(0, 5));
  plain->add(rows_.part(5, 5));
  plain->save(file_);
  EXPECT_THROW((void)open_index(file_), FormatError);
  std::filesystem::remove(log_);
  EXPECT_EQ(open_index(file_)->size(), 5U);
}

TEST_F(Open, RefusesAFileThatIsOlderThanItsLog) {
  {
    const auto index = open_index(file_, config_);
    std::filesystem::copy_file(file_, folder_ / "old.vcn");
    index->add(rows_.part(0, 5));
    index->checkpoint();
    index->add(rows_.part(5, 5));
  }
  std::filesystem::rename(folder_ / "old.vcn", file_);
  EXPECT_THROW((void)open_index(file_), FormatError);
}

TEST_F(Open, OneAtATimeAndNoneOnceClosed) {
  const auto index = open_index(file_, config_);
  index->add(rows_.part(0, 10));
  EXPECT_THROW((void)open_index(file_), std::filesystem::filesystem_error);
  index->close();
  const auto next = open_index(file_);
  EXPECT_EQ(next->size(), 10U);
  EXPECT_EQ(index->search(rows_.part(3, 1), {.k = 1}).ids.front(), 3);
  EXPECT_THROW(index->add(rows_.part(10, 1)), std::invalid_argument);
  EXPECT_THROW(index->checkpoint(), std::invalid_argument);
  EXPECT_EQ(next->size(), 10U);
}

/// Appends a payload to the log of an empty index, and opens it.
class HostileLog : public Open {
 protected:
  void SetUp() override { (void)open_index(file_, config_); }

  /// What a record without arrays holds.
  static std::vector<std::uint64_t> start_of(std::uint64_t kind, std::uint64_t dim) {
    std::vector<std::uint64_t> words(21, 0);
    words[0] = kind;
    words[1] = dim;
    return words;
  }

  void append(std::span<const std::uint64_t> words) const {
    const std::string text = cli::content_of(log_);
    LogFile log(log_, LogFile::Durability::each);
    log.resume(read_log(std::as_bytes(std::span(text)), 0), sequence_++);
    log.append([&](const LogFile::Sink& sink) { sink(std::as_bytes(words)); });
  }

  mutable std::uint64_t sequence_ = 0;
};

TEST_F(HostileLog, CountsAreCheckedAgainstTheBytesThatRemain) {
  // kind, dim, query dim; ids, offsets, labels, their offsets, query offsets, rows, query rows; 11
  // numbers
  const std::vector<std::uint64_t> add = start_of(1, 3);
  const std::uint64_t huge = ~std::uint64_t{0};
  const std::string empty = cli::content_of(log_);
  for (std::size_t place = 0; place < add.size(); ++place)
    for (const std::uint64_t value : {std::uint64_t{1}, huge / 4, huge / 12 + 2, huge}) {
      if (place == 2 || place > 9 || value == add[place]) continue;  // any value is sound
      std::vector<std::uint64_t> words = add;
      words[place] = value;
      if (place == 1) words[8] = 1;
      append(words);
      if (place == 0 && value == 1) continue;
      EXPECT_THROW((void)open_index(file_), FormatError) << place << " " << value;
      folder_.write("a.vcn.log", empty);
      sequence_ = 0;
    }
  std::vector<std::uint64_t> reserved = add;
  reserved[0] |= std::uint64_t{1} << 32U;
  std::vector<std::uint64_t> without_dims = start_of(1, 0);
  without_dims[8] = 1;
  std::vector<std::uint64_t> longer = add;
  longer.push_back(0);
  const std::vector<std::uint64_t> shorter(add.begin(), add.end() - 1);
  for (const auto& words : {reserved, without_dims, longer, shorter}) {
    append(words);
    EXPECT_THROW((void)open_index(file_), FormatError) << words.size();
    folder_.write("a.vcn.log", empty);
    sequence_ = 0;
  }
}

TEST_F(HostileLog, ARefusedChangeMayOnlyBeTheLast) {
  const std::vector<std::uint64_t> wrong = start_of(5, 0);  // beam 0
  append(wrong);
  EXPECT_GT(open_index(file_)->log().torn, 0U);
  EXPECT_EQ(open_index(file_)->log().torn, 0U);
  sequence_ = 0;
  append(wrong);
  append(start_of(8, 0));
  EXPECT_THROW((void)open_index(file_), FormatError);
}

}  // namespace
}  // namespace vecinal
