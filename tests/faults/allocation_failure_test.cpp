// Memory runs out at the N-th allocation, for every N: once, or from there on. Whatever the call,
// it then throws std::bad_alloc and the index is as it was, byte for byte; or it succeeds. After
// the first ones not every one is tried, unless VECINAL_FAULTS=all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "cli/temporary_folder.hpp"
#include "faults/allocations.hpp"
#include "support/changes.hpp"
#include "vecinal/open.hpp"

namespace vecinal {
namespace {

using test::Change;
using test::Changes;
using test::FailingAllocation;
using Bytes = std::vector<std::byte>;

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t each_up_to = 20;
constexpr std::size_t share = 3;
#else
constexpr std::size_t each_up_to = 100;
constexpr std::size_t share = 10;
#endif

std::size_t next_after(std::size_t n) {
  static const bool all = std::getenv("VECINAL_FAULTS") != nullptr;
  return all || n < each_up_to ? n + 1 : n + n / share;
}

/// How a call went whose n-th allocation failed.
struct Outcome {
  bool threw = false;
  bool failed = false;  ///< an allocation did
};

template <class Call>
Outcome disturbed(std::size_t n, FailingAllocation::How how, const Call& call) {
  Outcome outcome;
  {
    const FailingAllocation failing(n, how);
    try {
      call();
    } catch (const std::bad_alloc&) {
      outcome.threw = true;
    }
  }
  outcome.failed = FailingAllocation::happened();
  return outcome;
}

class Memory : public ::testing::TestWithParam<std::tuple<test::Make, bool>> {
 protected:
  [[nodiscard]] static const Config& config() { return std::get<0>(GetParam()).config; }
  [[nodiscard]] static FailingAllocation::How how() {
    return std::get<1>(GetParam()) ? FailingAllocation::How::from_then_on
                                   : FailingAllocation::How::once;
  }
  [[nodiscard]] static std::unique_ptr<Index> copy(const Bytes& bytes) {
    return load_index(bytes, {.threads = config().threads});
  }

  /// Each change in turn, on an index that the ones before it have made.
  template <class Check>
  static void for_changes(const Check& check) {
    const Changes changes(config());
    const auto index = make_index(config());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      check(index->to_bytes(), changes[i]);
      changes[i].make(*index);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Makes, Memory,
                         ::testing::Combine(::testing::ValuesIn(test::makes(2)), ::testing::Bool()),
                         [](const auto& made) {
                           return std::get<0>(made.param).name +
                                  (std::get<1>(made.param) ? "_for_ever" : "_once");
                         });

/// What an index tells of its items.
std::string items_of(const Index& index) {
  std::string text;
  for (const Id id : index.ids()) {
    std::vector<float> values(index.vectors_of(id) * index.config().dim);
    index.get(id, values);
    text += std::to_string(id) + ":" + std::to_string(values.front()) + "," +
            std::to_string(values.back());
    for (const Label label : index.labels_of(id)) text += "/" + std::to_string(label);
    text += ' ';
  }
  return text;
}

void expect_all_or_nothing(const Bytes& before, const Change& change, FailingAllocation::How how,
                           unsigned threads) {
  const LoadOptions options{.threads = threads};
  const auto done = load_index(before, options);
  const std::string items_before = items_of(*done);
  change.make(*done);
  const Bytes after = done->to_bytes();
  for (std::size_t n = 1;; n = next_after(n)) {
    SCOPED_TRACE(change.name + ", allocation " + std::to_string(n));
    const auto index = load_index(before, options);
    const Outcome outcome = disturbed(n, how, [&] { change.make(*index); });
    ASSERT_EQ(index->check(), std::vector<std::string>());
    if (outcome.threw) {
      ASSERT_EQ(items_of(*index), items_before);
      // compact() takes removed rows out of the graph first, as any remove() may.
      const bool exact = change.name != "compact";
      ASSERT_TRUE(!exact || index->to_bytes() == before);
      change.make(*index);
      ASSERT_TRUE(!exact || index->to_bytes() == after);
    }
    ASSERT_EQ(items_of(*index), items_of(*done));
    // A repair of the graph that finds no memory is put off.
    if (!outcome.failed) {
      ASSERT_TRUE(index->to_bytes() == after);
      return;
    }
  }
}

TEST_P(Memory, RunsOutInEveryChange) {
  for_changes([](const Bytes& before, const Change& change) {
    if (!HasFatalFailure()) expect_all_or_nothing(before, change, how(), config().threads);
  });
}

TEST_P(Memory, RunsOutWhileAnAddLearns) {
  Config learning = config();
  if (learning.reduction == Reduction::leanvec_ood) learning.reduction = Reduction::pca;
  const Changes changes(learning);
  const Bytes empty = make_index(learning)->to_bytes();
  expect_all_or_nothing(empty, changes[1], how(), learning.threads);
}

TEST_P(Memory, RunsOutInWhateverReads) {
  const Changes changes(config());
  const auto index = make_index(config());
  for (std::size_t i = 0; i < 7; ++i) changes[i].make(*index);
  const Bytes bytes = index->to_bytes();
  const cli::TemporaryFolder folder;
  const std::filesystem::path file = folder / "a.vcn";
  index->save(file);
  const test::Rows rows = test::clustered(9, config().dim, 4);
  const std::vector<std::size_t> offsets = {0, 4, 9};
  Batch queries = rows.batch();
  if (config().metric == Metric::chamfer) queries.offsets = offsets;
  const std::vector<Id> few = {1, 2, 3};
  const Filter some = Filter::label(3) | Filter::ids(few);
  const std::vector<Id> candidates(4 * queries.items(), 3);
  const std::vector<std::pair<const char*, std::function<void()>>> calls = {
      {"search", [&] { (void)index->search(queries, {.k = 5}); }},
      {"exact", [&] { (void)index->search(queries, {.k = 5, .exact = true}); }},
      {"filtered", [&] { (void)index->search(queries, {.k = 5, .filter = some}); }},
      {"rerank", [&] { (void)index->rerank(queries, candidates, {.k = 2}); }},
      {"to_bytes", [&] { (void)index->to_bytes(); }},
      {"save", [&] { index->save(file); }},
      {"load", [&] { (void)load_index(file, {.threads = 2}); }},
      {"map", [&] { (void)load_index(file, {.map = true, .threads = 2}); }},
      {"info", [&] { (void)file_info(file); }},
      {"make", [&] { (void)make_index(config()); }},
      {"check", [&] { (void)index->check(); }},
      {"contents", [&] { (void)items_of(*index); }},
  };
  for (const auto& [name, call] : calls)
    for (std::size_t n = 1;; n = next_after(n)) {
      SCOPED_TRACE(std::string(name) + ", allocation " + std::to_string(n));
      const Outcome outcome = disturbed(n, how(), call);
      ASSERT_TRUE(load_index(file)->to_bytes() == bytes);
      ASSERT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
      if (!outcome.failed) break;
    }
  EXPECT_TRUE(index->to_bytes() == bytes);
}

TEST_P(Memory, RunsOutInTune) {
  const Changes changes(config());
  const auto index = make_index(config());
  for (std::size_t i = 0; i < 4; ++i) changes[i].make(*index);
  const Bytes before = index->to_bytes();
  const test::Rows rows = test::clustered(6, config().dim, 4);
  const std::vector<std::size_t> offsets = {0, 3, 6};
  Batch queries = rows.batch();
  if (config().metric == Metric::chamfer) queries.offsets = offsets;
  for (std::size_t n = 1;; n += n / 4 + 1) {
    const auto tuned = copy(before);
    const Outcome outcome = disturbed(n, how(), [&] { tune(*tuned, queries, 0.9, 3); });
    if (outcome.threw) {
      ASSERT_TRUE(tuned->to_bytes() == before) << n;
    }
    if (!outcome.failed) break;
  }
}

/// An index with a log; a fault may leave the log unusable only if the disk failed.
TEST_P(Memory, RunsOutInAnOpenIndex) {
  const cli::TemporaryFolder folder;
  const std::filesystem::path file = folder / "a.vcn";
  const std::filesystem::path log = folder / "a.vcn.log";
  const Changes changes(config());
  const auto plain = make_index(config());
  for (std::size_t i = 0; i < 7; ++i) changes[i].make(*plain);
  const Bytes before = plain->to_bytes();
  const Change& change = changes[7];
  change.make(*plain);
  const Bytes after = plain->to_bytes();
  {
    const auto index = open_index(file, config());
    for (std::size_t i = 0; i < 7; ++i) changes[i].make(*index);
  }
  const std::string old = cli::content_of(log);
  for (std::size_t n = 1;; n += n / 8 + 1) {
    folder.write("a.vcn.log", old);
    std::unique_ptr<LoggedIndex> index;
    const Outcome opening = disturbed(n, how(), [&] { index = open_index(file, config()); });
    ASSERT_EQ(index == nullptr, opening.threw) << n;
    if (!index) index = open_index(file, config());
    const bool whole = index->to_bytes() == before;
    const Outcome changing = disturbed(n, how(), [&] { change.make(*index); });
    // A repair of the graph that finds no memory is put off.
    const bool exact = whole && (changing.threw || !changing.failed);
    ASSERT_TRUE(!exact || index->to_bytes() == (changing.threw ? before : after)) << n;
    if (whole && !changing.threw) {
      ASSERT_EQ(items_of(*index), items_of(*plain)) << n;
    }
    index.reset();
    ASSERT_TRUE(open_index(file, config())->to_bytes() == (changing.threw ? before : after)) << n;
    if (!opening.failed && !changing.failed) break;
  }
}

}  // namespace
}  // namespace vecinal
