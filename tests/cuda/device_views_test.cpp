// Vectors and answers in memory of the device.
#include "vecinal/device.hpp"

#include <gtest/gtest.h>

#include "device_memory.hpp"
#include "support/data.hpp"

namespace vecinal::test {
namespace {

constexpr std::size_t dim = 24;

std::vector<float> spread(const Rows& rows, std::size_t stride) {
  std::vector<float> wide(rows.count * stride, -1.0F);
  for (std::size_t i = 0; i < rows.count; ++i)
    std::copy_n(rows.row(i), dim, wide.data() + i * stride);
  return wide;
}

TEST(DeviceViews, SearchesAnswerWhereTheQueriesAre) {
  const Rows rows = clustered(500, dim, 1);
  const Rows queries = clustered(9, dim, 2);
  const std::size_t stride = 31;
  const std::vector<float> wide = spread(queries, stride);
  const DeviceArray<float> on_device{std::span<const float>(wide)};
  for (const Device device : {Device::cpu, Device::cuda}) {
    const auto index = make_index({.dim = dim, .encoding = Encoding::lvq8, .device = device});
    index->add(rows.batch());
    const SearchParams params{.k = 7, .beam = 30};
    const Neighbors expected = index->search(queries.batch(), params);
    const DeviceArray<Id> ids(9 * 7);
    const DeviceArray<float> distances(9 * 7);
    const Neighbors found =
        search(*index, {.data = on_device.data(), .count = 9, .dim = dim, .stride = stride}, params,
               {.ids = ids.data(), .distances = distances.data()});
    EXPECT_EQ(found.ids, expected.ids);
    EXPECT_EQ(ids.on_host(), expected.ids);
    EXPECT_EQ(distances.on_host(), expected.distances);
  }
}

TEST(DeviceViews, TheWorkOfStreamsComesFirst) {
  const Rows rows = clustered(200, dim, 1);
  const Rows queries = clustered(9, dim, 2);
  const auto index = make_index({.dim = dim});
  index->add(rows.batch());
  const Neighbors expected = index->search(queries.batch(), {.k = 7});
  const DeviceArray<float> on_device{std::span<const float>(rows.values).first(9 * dim)};
  const DeviceArray<Id> ids(9 * 7);
  const BusyStream<float> makes_queries(on_device, queries.values);
  const BusyStream<Id> clears_ids(ids, std::vector<Id>(9 * 7));
  static_cast<void>(search(
      *index, {.data = on_device.data(), .count = 9, .dim = dim, .stream = makes_queries.get()},
      {.k = 7}, {.ids = ids.data(), .stream = clears_ids.get()}));
  EXPECT_EQ(ids.on_host(), expected.ids);
}

TEST(DeviceViews, AnswersThatNobodyWantsAreNotWritten) {
  const Rows rows = clustered(50, dim, 3);
  const DeviceArray<float> queries{std::span<const float>(rows.values).first(2 * dim)};
  const auto index = make_index({.dim = dim});
  index->add(rows.batch());
  const DeviceArray<Id> ids(2);
  static_cast<void>(search(*index, {.data = queries.data(), .count = 2, .dim = dim}, {.k = 1},
                           {.ids = ids.data()}));
  EXPECT_EQ(ids.on_host(), (std::vector<Id>{0, 1}));
}

TEST(DeviceViews, EveryCallTakesACopyOnTheHost) {
  const Rows rows = clustered(120, dim, 4);
  const DeviceArray<float> on_device{std::span<const float>(rows.values)};
  const DeviceBatch all{.data = on_device.data(), .count = 120, .dim = dim};
  const auto index = make_index({.dim = dim, .encoding = Encoding::lvq4x8});
  const auto expected = make_index({.dim = dim, .encoding = Encoding::lvq4x8});
  HostCopy copy(all);
  index->train(copy.batch());
  expected->train(rows.batch());
  index->add(HostCopy(std::move(copy)).batch());
  expected->add(rows.batch());
  EXPECT_EQ(index->to_bytes(), expected->to_bytes());
}

TEST(DeviceViews, SetsKeepTheirOffsets) {
  const Rows rows = clustered(60, dim, 5);
  const std::vector<std::size_t> offsets{0, 20, 21, 60};
  const DeviceArray<float> on_device{std::span<const float>(rows.values)};
  const auto index = make_index({.dim = dim, .metric = Metric::chamfer});
  Batch sets = rows.batch();
  sets.offsets = offsets;
  index->add(sets);
  const DeviceArray<Id> ids(3);
  const Neighbors found =
      search(*index, {.data = on_device.data(), .count = 60, .dim = dim, .offsets = offsets},
             {.k = 1}, {.ids = ids.data()});
  EXPECT_EQ(ids.on_host(), index->search(sets, {.k = 1}).ids);
}

TEST(DeviceViews, NoRowsAreAnEmptyBatch) {
  const HostCopy none(DeviceBatch{.dim = dim});
  EXPECT_EQ(none.batch().count, 0U);
  const auto index = make_index({.dim = dim});
  EXPECT_EQ(search(*index, {.dim = dim}, {.k = 3}, {}).queries, 0U);
}

TEST(DeviceViews, WhatIsWrongIsNamed) {
  const std::vector<float> host(dim);
  const DeviceArray<float> row{std::span<const float>(host)};
  const auto index = make_index({.dim = dim});
  index->add(clustered(5, dim, 6).batch());
  EXPECT_THROW(HostCopy({.data = row.data(), .count = 1, .dim = dim, .stride = dim - 1}),
               std::invalid_argument);
  EXPECT_THROW(HostCopy({.data = nullptr, .count = 1, .dim = dim}), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(
                   search(*index, {.data = row.data(), .count = 1, .dim = dim / 2}, {.k = 1}, {})),
               std::invalid_argument);
  if (cuda_device_name() == "emulation") return;  // where all memory is alike
  EXPECT_THROW(HostCopy({.data = host.data(), .count = 1, .dim = dim}), std::invalid_argument);
}

}  // namespace
}  // namespace vecinal::test
