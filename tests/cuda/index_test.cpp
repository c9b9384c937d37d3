// Indexes on a device answer as those on the CPU do.
#include "vecinal/index.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <thread>
#include <utility>

#include "core/progress.hpp"
#include "device_memory.hpp"
#include "on_device.hpp"
#include "support/data.hpp"

namespace vecinal::test {
namespace {

class OnDevice : public testing::TestWithParam<IndexCase> {};
INSTANTIATE_TEST_SUITE_P(Parity, OnDevice, testing::ValuesIn(index_cases()),
                         [](const auto& made_of) { return made_of.param.name; });

TEST_P(OnDevice, SearchesFindWhatTheCpuFinds) {
  const Config config = small(GetParam().config);
  const Rows rows = clustered(700, config.dim, 1);
  const Rows queries = clustered(12, config.dim, 2);
  const auto cpu = made(config, rows);
  const auto device = moved(*cpu, Device::cuda);
  for (const SearchParams& params :
       {SearchParams{.k = 10, .beam = 40}, SearchParams{.k = 3, .beam = 12, .rerank = 50},
        SearchParams{.k = 5, .exact = true}, SearchParams{.k = 800}}) {
    const Neighbors found = device->search(queries.batch(), params);
    // A fused walk keeps its candidates in another way there: only what is exact can be compared.
    if (config.layout == Layout::fused && !params.exact && params.k < 700) continue;
    expect_alike(found, cpu->search(queries.batch(), params), float_rows(config));
  }
  EXPECT_GT(recall(*device, rows, queries, {.k = 10, .beam = 60}),
            config.encoding == Encoding::lvq4 ? 0.7 : 0.95);
  EXPECT_GT(device->stats().bytes_device, 700 * config.dim / 2);
  EXPECT_EQ(cpu->stats().bytes_device, 0U);
}

/// So long lists that the queries of a call make three chunks, two of which are under way at a
/// time.
TEST(OnDevice, QueriesOfACallWalkInChunks) {
  const Config config = small({.dim = 3, .encoding = Encoding::lvq8});
  const auto cpu = made(config, clustered(40, 3, 1));
  const auto device = moved(*cpu, Device::cuda);
  const Rows queries = clustered(1300, 3, 2);
  SearchParams params{.k = 10, .beam = 4000};
  const Neighbors expected = cpu->search(queries.batch(), params);
  const auto usual = std::exchange(progress_interval, {});  // every call is heard
  std::vector<std::size_t> done;
  params.progress = [&](std::size_t queries_done, std::size_t) {
    done.push_back(queries_done);
    return true;
  };
  expect_alike(device->search(queries.batch(), params), expected, false);
  EXPECT_EQ(done, (std::vector<std::size_t>{434, 868, 1300, 1300}));
  progress_interval = usual;
  // Cancelled while the device is at work; and answered afterwards.
  params.progress = [](std::size_t, std::size_t) { return false; };
  EXPECT_THROW(static_cast<void>(device->search(queries.batch(), params)), Cancelled);
  params.progress = {};
  expect_alike(device->search(queries.batch(), params), expected, false);
}

TEST_P(OnDevice, FiltersAndRemovedItemsAreKept) {
  const Config config = small(GetParam().config);
  const Rows rows = clustered(600, config.dim, 3);
  const Rows queries = clustered(8, config.dim, 4);
  const auto cpu = made(config, rows);
  const auto device = moved(*cpu, Device::cuda);
  std::vector<Id> gone;
  for (Id id = 0; id < 600; id += 7) gone.push_back(id);
  cpu->remove(gone);
  device->remove(gone);
  const Filter some = Filter::predicate([](Id id) { return id % 3 != 0; });
  const Filter few = Filter::predicate([](Id id) { return id % 50 == 1; });
  for (const SearchParams& params :
       {SearchParams{.k = 10, .beam = 60}, SearchParams{.k = 10, .beam = 60, .filter = some},
        SearchParams{.k = 4, .filter = few}, SearchParams{.k = 30, .filter = few}}) {
    const Neighbors found = device->search(queries.batch(), params);
    const Neighbors expected = cpu->search(queries.batch(), params);
    ASSERT_EQ(found.counts, expected.counts);
    for (const Id id : found.ids) {
      EXPECT_TRUE(id == no_id || params.filter.allows_everything() || id % 3 != 0 || id % 50 == 1);
      EXPECT_EQ(std::count(gone.begin(), gone.end(), id), 0);
    }
  }
}

TEST_P(OnDevice, LaterItemsAreFoundAtOnce) {
  const Config config = small(GetParam().config);
  const Rows rows = clustered(400, config.dim, 5);
  auto device_config = config;
  device_config.device = Device::cuda;
  const auto device = make_index(device_config);
  EXPECT_EQ(device->search(rows.part(0, 2), {.k = 3}).counts[0], 0U);
  device->add(rows.part(0, 150));
  for (std::size_t first : {150U, 300U}) {
    static_cast<void>(device->search(rows.part(0, 5), {.k = 1}));
    const std::size_t more = first == 150 ? 150 : 100;
    device->add(rows.part(first, more));
    const Neighbors hits = device->search(rows.part(first, more), {.k = 1, .beam = 40});
    std::size_t found = 0;
    for (std::size_t i = 0; i < more; ++i) found += hits.ids[i] == static_cast<Id>(first + i);
    if (config.metric == Metric::inner_product)
      continue;  // others may be nearer than an item itself
    EXPECT_GE(found, config.encoding == Encoding::lvq4 ? more * 7 / 10 : more * 95 / 100);
  }
  if (config.encoding != Encoding::f32) {
    device->retrain();
    EXPECT_GT(recall(*device, rows, clustered(10, config.dim, 6), {.k = 10, .beam = 60}), 0.6);
  }
}

TEST(OnDevice, CopiesOfOneRowAreAllFound) {
  for (const Encoding encoding : {Encoding::f32, Encoding::lvq4x8}) {
    Rows rows = clustered(200, 16, 8);
    for (std::size_t i = 50; i < 90; ++i)
      std::copy_n(rows.row(3), 16, rows.values.begin() + static_cast<std::ptrdiff_t>(i * 16));
    const auto cpu = made({.dim = 16, .encoding = encoding, .degree = 16, .build_beam = 40}, rows);
    const auto device = moved(*cpu, Device::cuda);
    const SearchParams params{.k = 41, .beam = 64};
    expect_alike(device->search(rows.part(3, 1), params), cpu->search(rows.part(3, 1), params),
                 false);
    // More ties than a scan looks past: the host decides which ids come first.
    const SearchParams exact{.k = 5, .exact = true};
    expect_alike(device->search(rows.part(3, 1), exact), cpu->search(rows.part(3, 1), exact),
                 false);
  }
}

TEST(OnDevice, SearchesRunBesideAWriter) {
  const Rows rows = clustered(600, 16, 9);
  const auto index = make_index({.dim = 16,
                                 .encoding = Encoding::lvq8,
                                 .degree = 16,
                                 .build_beam = 40,
                                 .device = Device::cuda});
  index->add(rows.part(0, 200));
  std::thread writer([&] {
    for (std::size_t first = 200; first < 600; first += 50) index->add(rows.part(first, 50));
  });
  for (int i = 0; i < 20; ++i) {
    const Neighbors hits = index->search(rows.part(0, 3), {.k = 1, .beam = 30});
    EXPECT_EQ(hits.counts[0], 1U);
  }
  writer.join();
  EXPECT_EQ(index->search(rows.part(599, 1), {.k = 1, .beam = 50}).counts[0], 1U);
}

TEST_P(OnDevice, RowsWithoutRoomPassThroughInPieces) {
  if (cuda_device_name() != "emulation") GTEST_SKIP() << "only the emulation runs out of memory";
  const Config config = small(GetParam().config);
  const Rows rows = clustered(3000, config.dim, 11);
  const Rows queries = clustered(5, config.dim, 12);
  const auto cpu = made(config, rows);
  const auto device = moved(*cpu, Device::cuda);
  std::vector<Id> gone;
  for (Id id = 0; id < 3000; id += 5) gone.push_back(id);
  cpu->remove(gone);
  device->remove(gone);
  const Filter some = Filter::predicate([](Id id) { return id % 3 == 1; });
  const LittleMemory memory(48'000);  // a third of the rows at most
  for (const SearchParams& params :
       {SearchParams{.k = 5, .exact = true}, SearchParams{.k = 7, .filter = some, .exact = true},
        SearchParams{.k = 7, .filter = some, .plan = Plan::scan}}) {
    const Neighbors found = device->search(queries.batch(), params);
    EXPECT_EQ(device->stats().bytes_device, 0U);
    expect_alike(found, cpu->search(queries.batch(), params), float_rows(config));
  }
  if (config.graph == GraphKind::none) return;
  EXPECT_THROW(static_cast<void>(device->search(queries.batch(), {.k = 5})), DeviceMemoryError);
}

TEST(OnDevice, RowsThatGrowNeedNotBeThereTwice) {
  if (cuda_device_name() != "emulation") GTEST_SKIP() << "only the emulation runs out of memory";
  constexpr std::size_t dim = 512;
  constexpr std::size_t row_bytes = dim * sizeof(float);
  const Rows rows = clustered(2400, dim, 15);
  const LittleMemory memory(2400 * row_bytes + (std::size_t{1} << 20U), LittleMemory::all);
  const auto index =
      make_index({.dim = dim, .degree = 8, .build_beam = 10, .threads = 2, .device = Device::cuda});
  index->add(rows.part(0, 1200));
  index->add(rows.part(1200, 1200));  // 7.4 MB, if both copies were there
  EXPECT_EQ(index->size(), 2400U);
  EXPECT_EQ(index->search(rows.part(2399, 1), {.k = 1, .beam = 40}).ids[0], 2399);
}

TEST(OnDevice, RankingRowsTooLongForABlockAreComparedOnTheHost) {
  constexpr std::size_t dim = 16'000;
  const Rows rows = clustered(40, dim, 16);
  const auto cpu = made({.dim = dim,
                         .encoding = Encoding::lvq8,
                         .reduction = Reduction::prefix,
                         .reduced_dim = 16,
                         .keep = Keep::f32,
                         .degree = 8,
                         .build_beam = 20},
                        rows);
  const auto device = moved(*cpu, Device::cuda);
  for (const std::size_t beam : {5U, 40U})
    expect_alike(device->search(rows.part(0, 5), {.k = 3, .beam = beam}),
                 cpu->search(rows.part(0, 5), {.k = 3, .beam = 40}), true);
}

TEST(OnDevice, TailsWithoutRoomAreDoneWithout) {
  if (cuda_device_name() != "emulation") GTEST_SKIP() << "only the emulation runs out of memory";
  const Rows rows = clustered(1000, 40, 13);
  const auto cpu = made(
      {.dim = 40, .encoding = Encoding::lvq8, .layout = Layout::fused, .build_beam = 40}, rows);
  const SearchParams params{.k = 5, .beam = 40};
  const auto device = moved(*cpu, Device::cuda);
  static_cast<void>(device->search(rows.part(0, 1), params));
  const std::size_t with_tails = device->stats().bytes_device;
  const LittleMemory memory(200'000);  // an allocation; the tails are one of 384,000
  const auto without = moved(*cpu, Device::cuda);
  EXPECT_GT(recall(*without, rows, clustered(30, 40, 14), params), 0.95);
  EXPECT_LT(without->stats().bytes_device + 384'000, with_tails + 10'000);
}

TEST(OnDevice, WithoutMemoryTheIndexGoesOnOnTheCpu) {
  const Rows rows = clustered(300, 32, 10);
  const auto index =
      make_index({.dim = 32, .degree = 16, .build_beam = 40, .device = Device::cuda});
  index->add(rows.batch());
  if (cuda_device_name() != "emulation") GTEST_SKIP() << "only the emulation runs out of memory";
  {
    const LittleMemory memory(1000);
    for (const bool exact : {false, true}) try {
        static_cast<void>(index->search(rows.part(0, 1), {.k = 1, .exact = exact}));
        ADD_FAILURE() << "there is no memory for the copies, nor for pieces of them";
      } catch (const DeviceMemoryError& error) {
        EXPECT_NE(std::string(error.what()).find("bytes asked"), std::string::npos);
      }
  }
  EXPECT_EQ(index->search(rows.part(7, 1), {.k = 1}).ids[0], 7);
  EXPECT_EQ(moved(*index, Device::cpu)->search(rows.part(7, 1), {.k = 1}).ids[0], 7);
}

}  // namespace
}  // namespace vecinal::test
