// Layout::automatic: what it becomes, when, and that it is open again where nothing came of it.
#include "index/layout_choice.hpp"

#include <gtest/gtest.h>

#include "cli/temporary_folder.hpp"
#include "support/data.hpp"
#include "vecinal/open.hpp"

namespace vecinal {
namespace {

using test::clustered;

Config config_of(std::size_t dim, Encoding encoding = Encoding::lvq8) {
  return {.dim = dim, .encoding = encoding, .layout = Layout::automatic, .build_beam = 40};
}

TEST(LayoutChoice, IsFusedWhereverThatGoesAndNoLimitForbidsIt) {
  EXPECT_EQ(choose_layout(config_of(384), {}).layout, Layout::fused);
  EXPECT_EQ(choose_layout(config_of(384, Encoding::lvq4x8), {}).layout, Layout::fused);
  const auto split = [](Config config) {
    const LayoutChoice choice = choose_layout(config, {});
    EXPECT_EQ(choice.layout, Layout::split);
    return choice.reason;
  };
  EXPECT_NE(split(config_of(384, Encoding::f32)).find("encoding must be"), std::string::npos);
  EXPECT_NE(split(config_of(5000)).find("dim must be at most"), std::string::npos);
  Config config = config_of(384);
  config.degree = 48;
  EXPECT_NE(split(config).find("degree must be"), std::string::npos);
  config = config_of(384);
  config.graph = GraphKind::none;
  EXPECT_NE(split(config).find("graph must be"), std::string::npos);
  config = config_of(384);
  config.device = Device::cuda;
  EXPECT_NE(split(config).find("device"), std::string::npos);
  config.layout = Layout::fused;
  EXPECT_EQ(choose_layout(config, {}).layout, Layout::fused) << "as asked for";
}

TEST(LayoutChoice, OfAMemoryLimitTheFirstItemsTakeHalf) {
  Config config = config_of(64);
  config.memory_limit = 1'000'000;
  EXPECT_EQ(choose_layout(config, {}).layout, Layout::automatic);
  const std::size_t bytes = item_bytes(ConfigForms(config).in(Layout::fused),
                                       *untrained_rows(ConfigForms(config).in(Layout::fused)));
  EXPECT_EQ(choose_layout(config, 500'000 / bytes).layout, Layout::fused);
  const LayoutChoice over = choose_layout(config, 500'000 / bytes + 1);
  EXPECT_EQ(over.layout, Layout::split);
  EXPECT_NE(over.reason.find("memory_limit"), std::string::npos);
}

TEST(LayoutChoice, AnIndexSaysWhatItBecameAndSoDoesItsFile) {
  const test::Rows rows = clustered(600, 48, 1);
  const auto index = make_index(config_of(48));
  EXPECT_EQ(index->config().layout, Layout::fused);
  index->add(rows.batch());
  EXPECT_NE(index->stats().layout_reason.find("fused"), std::string::npos);
  Config given = config_of(48);
  given.layout = Layout::fused;
  const auto fused = make_index(given);
  fused->add(rows.batch());
  EXPECT_EQ(index->to_bytes(), fused->to_bytes());
  EXPECT_EQ(load_index(index->to_bytes())->config().layout, Layout::fused);
  EXPECT_EQ(fused->stats().layout_reason, "");
  const auto floats = make_index(config_of(48, Encoding::f32));
  floats->add(rows.batch());
  EXPECT_EQ(floats->config().layout, Layout::split);
  EXPECT_EQ(load_index(floats->to_bytes())->config().layout, Layout::split);
  floats->compact();
  EXPECT_EQ(floats->config().layout, Layout::split);
}

TEST(LayoutChoice, WithALimitTheFirstAddDecidesAndOneThatFailsDoesNot) {
  const test::Rows rows = clustered(6000, 48, 2);
  Config config = config_of(48);
  config.memory_limit = 6'000'000;
  const auto index = make_index(config);
  EXPECT_EQ(index->config().layout, Layout::automatic);
  EXPECT_EQ(load_index(index->to_bytes())->config().layout, Layout::fused) << "it has no limit";
  EXPECT_THROW(index->add(rows.batch(), {}, [](std::size_t, std::size_t) { return false; }),
               Cancelled);
  EXPECT_EQ(index->config().layout, Layout::automatic);
  index->add(rows.part(0, 500));
  EXPECT_EQ(index->config().layout, Layout::fused);
  index->add(rows.part(500, 500));
  EXPECT_LE(index->stats().bytes, config.memory_limit);
  EXPECT_TRUE(index->check().empty());
  const auto large = make_index(config);
  large->add(rows.batch());
  EXPECT_EQ(large->config().layout, Layout::split);
}

TEST(LayoutChoice, OfAnOpenIndexIsTheSameAgainWhenTheLogIsReplayed) {
  const test::Rows rows = clustered(6000, 48, 2);
  const cli::TemporaryFolder folder;
  Config config = config_of(48);
  config.memory_limit = 6'000'000;
  std::vector<std::byte> bytes;
  {
    const auto index = open_index(folder / "a.vcn", config);
    index->add(rows.batch());
    EXPECT_EQ(index->config().layout, Layout::split);
    bytes = index->to_bytes();
  }
  EXPECT_EQ(open_index(folder / "a.vcn", config)->to_bytes(), bytes);
}

TEST(LayoutChoice, WithALimitTrainingDecidesForSplit) {
  const test::Rows rows = clustered(600, 48, 3);
  Config config = config_of(48);
  config.memory_limit = 600'000'000;
  config.reduction = Reduction::pca;
  config.reduced_dim = 32;
  const auto index = make_index(config);
  EXPECT_THROW(index->train(rows.part(0, 3)), std::invalid_argument);
  EXPECT_EQ(index->config().layout, Layout::automatic);
  index->train(rows.batch());
  EXPECT_EQ(index->config().layout, Layout::split);
  EXPECT_NE(index->stats().layout_reason.find("train()"), std::string::npos);
}

TEST(LayoutChoice, OfSetsIsThatOfTheirEncodings) {
  Config config{.dim = 16,
                .metric = Metric::chamfer,
                .encoding = Encoding::lvq8,
                .fde = {.k_sim = 3, .repetitions = 8},
                .layout = Layout::automatic};
  EXPECT_EQ(make_index(config)->config().layout, Layout::fused);
  config.fde = {};  // more values than a fused row may have
  EXPECT_EQ(make_index(config)->config().layout, Layout::split);
}

}  // namespace
}  // namespace vecinal
