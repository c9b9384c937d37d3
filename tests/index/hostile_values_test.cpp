// Index files with lies that no sweep over single words tells (hostile_file_test): values that only
// go wrong together, and limits of fields of their own. Each is refused with the words that name
// it.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <numeric>

#include "index/index_file.hpp"
#include "support/data.hpp"
#include "support/file_parts.hpp"
#include "support/sets.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

using test::Bytes;
using test::Parts;
using Damage = std::function<void(Parts&)>;

std::unique_ptr<Index> plain_index(Config config = {.dim = 3, .degree = 4, .build_beam = 10}) {
  config.seed = 5;
  auto index = make_index(config);
  const test::Rows rows = test::clustered(60, 3, 1);
  index->train(rows.batch());
  index->add(rows.batch());
  index->remove(std::vector<Id>{2});
  return index;
}

std::unique_ptr<Index> sets_index(Config config) {
  config.dim = 4;
  config.metric = Metric::chamfer;
  config.degree = 4;
  config.build_beam = 10;
  config.fde.k_sim = 1;
  config.fde.repetitions = 2;
  auto index = make_index(config);
  index->add(test::random_sets(8, 4, 3).batch());
  return index;
}

void expect_refused(const Bytes& file, const Damage& damage, const std::string& fault,
                    const LoadOptions& options = {}) {
  Parts parts(file);
  damage(parts);
  try {
    (void)load_index(parts.file(), options);
    ADD_FAILURE() << "loaded: " << fault;
  } catch (const FormatError& error) {
    EXPECT_NE(std::string(error.what()).find(fault), std::string::npos)
        << error.what() << ", expected: " << fault;
  }
}

template <class Section, class Change>
Damage edited(std::string_view tag, Change change) {
  return [tag, change](Parts& parts) {
    auto section = parts.get<Section>(tag);
    change(section);
    parts.set(tag, 0, section);
  };
}

template <class Change>
Damage config(Change change) {
  return edited<ConfigSection>("config", change);
}

template <class Change>
Damage model(Change change) {
  return edited<ModelSection>("model", change);
}

template <class Change>
Damage sets(Change change) {
  return edited<SetsSection>("sets", change);
}

TEST(HostileValues, LevelsWithoutNodesAreRefused) {
  const Bytes file = plain_index()->to_bytes();
  ASSERT_GE(Parts(file).get<ConfigSection>("config").levels, 2U);
  const auto empty = [](Parts& parts) {
    const std::uint32_t levels = parts.get<ConfigSection>("config").levels;
    for (std::uint32_t level = 1; level < levels; ++level)
      for (const char* part : {"slots", "down", "links"})
        parts.fill("l0" + std::to_string(level) + part);
  };
  expect_refused(file, empty, "graph level 1 is empty");
}

TEST(HostileValues, LevelsAreThereWhereAGraphIs) {
  const std::string fault = "the number of levels does not go with the rows";
  const Bytes file = plain_index()->to_bytes();
  expect_refused(file, config([](auto& c) { c.levels = 0; }), fault);
  const Bytes flat = plain_index({.dim = 3, .graph = GraphKind::none})->to_bytes();
  EXPECT_EQ(load_index(flat)->size(), 59U);
  expect_refused(flat, config([](auto& c) { c.levels = 1; }), fault);
  const Bytes empty = make_index({.dim = 3})->to_bytes();
  EXPECT_EQ(load_index(empty)->size(), 0U);
  expect_refused(empty, config([](auto& c) { c.levels = 1; }), fault);
}

TEST(HostileValues, ItemsAreInTheGraph) {
  const auto index = plain_index();
  std::vector<Id> most(40);
  std::iota(most.begin(), most.end(), 0);
  index->remove(most);
  const Bytes file = index->to_bytes();
  Slot gone = 0;
  while (Parts(file).get<Slot>("parents", gone) != no_slot) ++gone;
  ASSERT_LT(gone, 40U);
  const auto revive = [gone](Parts& parts) {
    auto section = parts.get<ConfigSection>("config");
    ++section.live;
    parts.set("config", 0, section);
    parts.set("live", 0, parts.get<std::uint64_t>("live") | std::uint64_t{1} << gone);
  };
  expect_refused(file, revive, "graph: slot " + std::to_string(gone) + " is not in the graph");
}

TEST(HostileValues, IdsLeadToOneItemEach) {
  const std::string fault = "does not lead to its slot";
  const Bytes file = plain_index()->to_bytes();
  expect_refused(
      file, [](Parts& p) { p.set("ids", 5, Id{-1}); }, fault);
  expect_refused(
      file, [](Parts& p) { p.set("ids", 5, Id{6}); }, fault);
}

TEST(HostileValues, RowsAreNoLongerThanVectorsMayBe) {
  const auto stretch = [](Parts& parts) {
    auto section = parts.get<ConfigSection>("config");
    section.max_norm = 3e19F;
    parts.set("config", 0, section);
    parts.set("rows", 0, 2e19F);
  };
  expect_refused(plain_index()->to_bytes(), stretch, "row 0 is not finite or longer");
}

TEST(HostileValues, ModelsHaveWhatTheirEncodingHas) {
  const double inf = std::numeric_limits<double>::infinity();
  const Bytes floats =
      plain_index({.dim = 3, .reduction = Reduction::pca, .reduced_dim = 2})->to_bytes();
  EXPECT_EQ(load_index(floats)->size(), 59U);
  expect_refused(floats, model([](auto& m) { m.rotated = 1; }), "a flag is out of range");
  expect_refused(floats, model([](auto& m) { m.fitted = 1; }), "a flag is out of range");
  const Bytes codes = plain_index({.dim = 3, .encoding = Encoding::lvq8})->to_bytes();
  expect_refused(codes, model([](auto& m) { m.rotated = 3; }), "a flag is out of range");
  expect_refused(codes, model([](auto& m) { m.reserved[0] = 1; }), "a flag is out of range");
  expect_refused(codes, model([](auto& m) { m.reserved[1] = 1; }), "a flag is out of range");
  const std::string fault = "an error is out of range";
  expect_refused(codes, model([=](auto& m) { m.trained_error = inf; }), fault);
  expect_refused(codes, model([](auto& m) { m.squared_error = -1; }), fault);
  expect_refused(codes, model([=](auto& m) { m.squared_norm = inf; }), fault);
}

TEST(HostileValues, DirectionsAreOfTheirNumberAndLength) {
  const Bytes file =
      plain_index({.dim = 3, .reduction = Reduction::pca, .reduced_dim = 2})->to_bytes();
  const auto value = [](float wrong) {
    return [wrong](Parts& parts) { parts.set("dirs", 1, wrong); };
  };
  expect_refused(file, value(1.5F), "section dirs: a value is out of range");
  expect_refused(file, value(std::numeric_limits<float>::quiet_NaN()), "section dirs");
  expect_refused(file, model([](auto& m) { m.walk_dim = 1; }), "walk_dim is not the configured");
  expect_refused(file, model([](auto& m) { m.walk_dim = 4; }), "walk_dim is out of range");
  const Bytes codes = plain_index({.dim = 3, .encoding = Encoding::lvq8})->to_bytes();
  expect_refused(codes, model([](auto& m) { m.walk_dim = 2; }), "there is no reduction");
}

TEST(HostileValues, SetsSayWhatGoesWithTheirEncodings) {
  const float inf = std::numeric_limits<float>::infinity();
  const Bytes file = sets_index({})->to_bytes();
  const auto refused = [&](const std::string& fault, const auto& change) {
    expect_refused(file, sets(change), fault);
  };
  const std::string alien = "does not go with the config of the encodings";
  refused(alien, [](auto& s) { s.repetitions = 3; });
  expect_refused(file, config([](auto& c) { c.metric = 0; }), alien);
  refused("a flag is out of range", [](auto& s) { s.fill_empty = 2; });
  refused("a flag is out of range", [](auto& s) { s.trained = 2; });
  refused("a flag is out of range", [](auto& s) { s.reserved = 1; });
  for (const int i : {0, 1, 2})
    refused("a flag is out of range", [i](auto& s) { s.reserved8[i] = 1; });
  refused("candidates is out of range", [](auto& s) { s.candidates = 1'000'001; });
  refused("the longest vector is out of range", [](auto& s) { s.longest = -1; });
  refused("the longest vector is out of range", [=](auto& s) { s.longest = inf; });
  refused("a quality is out of range", [](auto& s) { s.mean_cosine = -0.5; });
  refused("a quality is out of range", [](auto& s) { s.mean_cosine = 1.5; });
  refused("a quality is out of range", [](auto& s) { s.occupancy = 1.5; });
  refused("there are sets but no training", [](auto& s) { s.trained = 0; });
  refused("too many vectors", [](auto& s) { s.vectors = std::uint64_t{1} << 32U; });
}

TEST(HostileValues, TokensOfSetsAreTheirOwn) {
  const Bytes file = sets_index({})->to_bytes();
  const std::string fault = "sets overlap or end past the last vector";
  const auto extent = [](std::size_t i, Slot value) {
    return [=](Parts& parts) { parts.set("extents", i, value); };
  };
  const auto end = Parts(file).get<Slot>("extents", 1);
  expect_refused(file, extent(0, end + 1), fault);
  expect_refused(file, extent(1, end + 1), fault);
  expect_refused(file, extent(1, 1'000'000), fault);
  expect_refused(file, extent(1, 0), "set 0");
  const auto mean = [](Parts& parts) { parts.set("tmean", 0, 1e30F); };
  expect_refused(file, mean, "section tmean: a value is out of range");
}

TEST(HostileValues, ConfigsOfEveryKindComeBack) {
  Config config;
  config.fde.fill_empty = false;
  config.fde.projection = InnerProjection::dense;
  for (const Encoding tokens : {Encoding::f32, Encoding::f16, Encoding::lvq8, Encoding::lvq8x8}) {
    config.tokens = tokens;
    const Bytes file = sets_index(config)->to_bytes();
    const auto index = load_index(file);
    EXPECT_FALSE(index->config().fde.fill_empty);
    EXPECT_EQ(index->config().tokens, tokens);
    EXPECT_EQ(index->to_bytes(), file);
  }
}

/// Without verify the bulk of a file is not read; all else is looked at as ever.
TEST(HostileValues, OnlyRowsMayStayUnread) {
  const LoadOptions unread{.verify = false};
  Config two{.dim = 3, .encoding = Encoding::lvq4x8, .degree = 4, .build_beam = 10};
  const Config two_tokens{.tokens = Encoding::lvq8x8};
  for (const auto& index :
       {plain_index(), plain_index(two), sets_index({}), sets_index(two_tokens)}) {
    const Bytes file = index->to_bytes();
    const SectionReader reader(file);
    for (const Section& section : reader.sections()) {
      if (section.data.empty()) continue;
      Bytes damaged = file;
      damaged[section.offset + section.data.size() / 2] ^= std::byte{1};
      EXPECT_THROW((void)load_index(damaged), FormatError) << section.tag;
      if (section.tag == "rows" || section.tag == "fused" || section.tag == "rows2" ||
          section.tag == "tokens" || section.tag == "tokens2")
        EXPECT_EQ(load_index(damaged, unread)->size(), index->size()) << section.tag;
      else
        EXPECT_THROW((void)load_index(damaged, unread), FormatError) << section.tag;
    }
  }
}

}  // namespace
}  // namespace vecinal
