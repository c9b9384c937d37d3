// Graphs that are built with the help of a device are those of the CPU.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "backend/device_build.hpp"
#include "support/data.hpp"
#include "world.hpp"

namespace vecinal::test {
namespace {

std::vector<Kind> walked_kinds() {
  std::vector<Kind> kinds = all_kinds();
  std::erase_if(kinds, [](const Kind& kind) { return kind.type >= kernels::RowType::lvq4x4; });
  return kinds;
}

/// Takes batches from the smallest on, and counts what it is asked.
class Eager final : public BuildDevice {
 public:
  Eager(const DeviceRows& rows, std::uint32_t degree, const BuildParams& params)
      : inner_(cuda_backend(), rows, degree, params) {
    EXPECT_TRUE(inner_.possible());
  }
  [[nodiscard]] std::shared_ptr<std::byte> pinned(std::size_t bytes) override {
    return inner_.pinned(bytes);
  }
  [[nodiscard]] std::size_t least_batch() const override { return 2; }
  [[nodiscard]] std::size_t max_candidates() const override { return most; }
  void begin(const GraphView& graph) override { inner_.begin(graph); }
  void find_links(std::span<const Slot> slots, std::span<const std::uint32_t> counts,
                  std::span<Slot> twins, std::span<Scored> links) override {
    found += slots.size();
    levels = std::max(levels, counts.size());
    inner_.find_links(slots, counts, twins, links);
  }
  void prune(const Overfull& nodes, std::span<Node> rows) override {
    pruned += nodes.targets.size();
    inner_.prune(nodes, rows);
  }
  void set_upper(const GraphView& graph) override { inner_.set_upper(graph); }
  void set_rows(std::span<const Node> nodes, std::span<const Node> rows) override {
    inner_.set_rows(nodes, rows);
  }

  std::size_t most = 128;
  std::size_t found = 0;
  std::size_t levels = 0;  ///< that items have had
  std::size_t pruned = 0;

 private:
  DeviceBuild inner_;
};

class BuildParity : public testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, BuildParity, testing::ValuesIn(walked_kinds()), kind_name);

bool same_links(const Graph& a, const Graph& b) {
  if (a.levels() != b.levels()) return false;
  for (std::uint32_t level = 0; level < a.levels(); ++level) {
    const auto x = a.layer(level).links().view();
    const auto y = b.layer(level).links().view();
    if (!std::equal(x.begin(), x.end(), y.begin(), y.end())) return false;
  }
  const auto x = a.twins().view();
  return std::equal(x.begin(), x.end(), b.twins().view().begin());
}

/// Builds on the CPU and with the device; over codes the links must be the same. levels: that items
/// have which the device links.
void expect_same_links(const Kind& kind, std::size_t count, std::uint32_t degree,
                       BuildParams params, std::size_t levels) {
  World world(kind, count, degree == 6 ? 9 : 34, 1);
  params.threads = 2;
  std::vector<Slot> order(count);
  std::iota(order.begin(), order.end(), 0U);
  Graph expected(degree);
  Builder(expected, world.rows(), params).insert(order, [](std::size_t) {});
  Eager device(world.on_device(), degree, params);
  params.device = &device;
  Graph built(degree);
  Builder(built, world.rows(), params).insert(order, [](std::size_t) {});
  EXPECT_GT(device.found, count / 3);
  EXPECT_EQ(device.levels, levels);
  EXPECT_GT(device.pruned, 0U);
  EXPECT_EQ(built.check(), std::vector<std::string>{});
  // Sums of floats are rounded otherwise, so now and then another of two alike is chosen.
  if (world.codes()) {
    EXPECT_TRUE(same_links(built, expected)) << "degree " << degree << " fill " << params.fill;
  }
}

TEST_P(BuildParity, LinksAreTheSame) {
  expect_same_links(GetParam(), 600, 6, {.beam = 16, .geometry = {}}, 3);
  expect_same_links(GetParam(), 150, 10, {.beam = 16, .geometry = {}}, 2);
  for (const std::uint32_t degree : {6U, 10U})
    expect_same_links(GetParam(), 150, degree,
                      {.beam = 16, .geometry = {.alpha = 1.2F, .shift = 0}, .fill = degree}, 2);
}

TEST(BuildParity, RowsMayHaveMoreLinksThanAWarpHasLanes) {
  expect_same_links({kernels::RowType::lvq8, kernels::Op::l2, ""}, 420, 36,
                    {.beam = 40, .geometry = {.alpha = 1.2F, .shift = 0}, .fill = 36}, 1);
}

/// Enough of them that an index asks its device.
constexpr std::size_t many = 3300;

Config small_graph() {
  return {.dim = 8, .encoding = Encoding::lvq8, .degree = 8, .build_beam = 10, .seed = 3};
}

TEST(BuildParity, FilesAreThoseOfTheCpu) {
  Rows rows = clustered(many, 8, 11);
  for (std::size_t i = 2000; i < 2100; ++i)  // and copies of a row share its node
    std::copy_n(rows.row(i % 7), 8, rows.values.begin() + static_cast<std::ptrdiff_t>(i * 8));
  Config config = small_graph();
  const auto cpu = make_index(config);
  cpu->add(rows.batch());
  config.device = Device::cuda;
  const auto device = make_index(config);
  device->add(rows.batch());
  EXPECT_TRUE(device->to_bytes() == cpu->to_bytes());
  EXPECT_EQ(device->stats().duplicates, 100U);
  const Rows more = clustered(500, 8, 13);
  cpu->add(more.batch());
  device->add(more.batch());
  EXPECT_TRUE(device->to_bytes() == cpu->to_bytes());
}

TEST(BuildParity, AnAddThatIsCancelledLeavesNothing) {
  const Rows rows = clustered(many, 8, 12);
  Config config = small_graph();
  config.device = Device::cuda;
  const auto index = make_index(config);
  index->add(rows.part(0, 1000));
  const auto before = index->to_bytes();
  const auto until_300 = [](std::size_t done, std::size_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));  // the next call back is due
    return done < 300;
  };
  EXPECT_THROW(index->add(rows.part(1000, 2300), {}, until_300), Cancelled);
  EXPECT_TRUE(index->to_bytes() == before);
  index->add(rows.part(1000, 2300));
  EXPECT_EQ(index->check(), std::vector<std::string>{});
  EXPECT_EQ(index->search(rows.part(3299, 1), {.k = 1, .beam = 40}).ids[0], 3299);
}

}  // namespace
}  // namespace vecinal::test
