// Files of every version that was ever released are read for ever, and give the answers they gave:
// tests/data/vN. VECINAL_WRITE_FILES=FOLDER writes those of this version there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/data.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

constexpr std::size_t dim = 8;
constexpr std::size_t asked = 4;
constexpr std::size_t k = 5;

/// The same items in every file: groups of two where they are sets.
std::unique_ptr<Index> index_of_kind(const std::string& kind) {
  Config config{.dim = dim, .degree = 6, .build_beam = 20, .seed = 3, .threads = 1};
  if (kind == "f16_cosine") {
    config.metric = Metric::cosine;
    config.encoding = Encoding::f16;
  } else if (kind == "flat_ip") {
    config.metric = Metric::inner_product;
    config.graph = GraphKind::none;
  } else if (kind == "lvq4_rotated_kept") {
    config.encoding = Encoding::lvq4;
    config.quantizer = Quantizer::rotated;
    config.keep = Keep::f16;
  } else if (kind == "lvq4x8_leanvec") {
    config.metric = Metric::inner_product;
    config.encoding = Encoding::lvq4x8;
    config.reduction = Reduction::leanvec_ood;
    config.reduced_dim = 6;
  } else if (kind == "lvq8x8_pca_fused") {
    config.encoding = Encoding::lvq8x8;
    config.reduction = Reduction::pca;
    config.reduced_dim = 6;
    config.layout = Layout::fused;
    config.degree = 32;
  } else if (kind == "lvq8_fused") {
    config.metric = Metric::cosine;
    config.encoding = Encoding::lvq8;
    config.layout = Layout::fused;
    config.degree = 32;
  } else if (kind == "sets" || kind == "sets_lvq8x8") {
    config.metric = Metric::chamfer;
    config.fde = {.k_sim = 1, .repetitions = 2};
    config.tokens = kind == "sets" ? Encoding::lvq8 : Encoding::lvq8x8;
  }
  auto index = make_index(config);
  const test::Rows rows = test::clustered(60, dim, 1);
  std::vector<std::size_t> offsets;
  for (std::size_t i = 0; i <= rows.count; i += 2) offsets.push_back(i);
  Batch items = rows.batch();
  if (config.metric == Metric::chamfer) items.offsets = offsets;
  std::vector<Label> labels(items.items());
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<Label>(i % 3);
  items.labels = {labels, {}};
  std::vector<Id> ids(items.items());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<Id>(1000 - i);
  index->train(items, test::clustered(40, dim, 2).batch());
  index->add(items, ids);
  index->remove(std::vector<Id>{1000, 990});
  return index;
}

/// All items of label 1, compared exactly, and the nearest ones of the graph with a wide beam:
/// what the file holds tells these, however searches come to it.
std::vector<std::pair<Id, float>> answers_of(const Index& index) {
  const test::Rows queries = test::clustered(asked, dim, 9);
  Batch batch = queries.batch();
  const std::vector<std::size_t> offsets = {0, 2, 4};
  if (index.config().metric == Metric::chamfer) batch.offsets = offsets;
  std::vector<std::pair<Id, float>> answers;
  for (const auto& hits :
       {index.search(batch, {.k = k, .beam = 200, .candidates = 100}),
        index.search(batch, {.k = k, .filter = Filter::label(1), .exact = true})})
    for (std::size_t i = 0; i < hits.ids.size(); ++i)
      answers.emplace_back(hits.ids[i], hits.distances[i]);
  return answers;
}

void write_file(const std::filesystem::path& folder, const std::string& kind) {
  const auto index = index_of_kind(kind);
  index->save(folder / (kind + ".vcn"));
  std::ofstream text(folder / (kind + ".txt"));
  text.precision(9);
  for (const auto& [id, distance] : answers_of(*index)) text << id << ' ' << distance << '\n';
}

/// Returns how many files there were.
std::size_t expect_the_answers_they_gave(const std::filesystem::path& folder) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".vcn") continue;
    SCOPED_TRACE(entry.path().string());
    ++files;
    std::ifstream text(std::filesystem::path(entry.path()).replace_extension(".txt"));
    std::vector<std::pair<Id, float>> expected;
    for (std::pair<Id, float> one; text >> one.first >> one.second;) expected.push_back(one);
    for (const bool map : {false, true}) {
      const auto index = load_index(entry.path(), {.map = map, .threads = 1});
      EXPECT_EQ(index->check(), std::vector<std::string>{});
      const auto answers = answers_of(*index);
      EXPECT_EQ(answers.size(), expected.size());
      for (std::size_t i = 0; i < std::min(answers.size(), expected.size()); ++i) {
        EXPECT_EQ(answers[i].first, expected[i].first) << i;
        EXPECT_NEAR(answers[i].second, expected[i].second,
                    1e-4 * (1 + std::fabs(expected[i].second)));
      }
      // It goes on as an index of today.
      const std::vector<float> rows(2 * dim, 0.5F);
      Batch more{.data = rows.data(), .count = 2, .dim = dim};
      const std::vector<std::size_t> one = {0, 2};
      if (index->config().metric == Metric::chamfer) more.offsets = one;
      index->add(more);
      EXPECT_EQ(load_index(index->to_bytes())->size(), index->size());
    }
  }
  return files;
}

TEST(Compatibility, FilesOfEveryVersionGiveTheAnswersTheyGave) {
  EXPECT_GE(expect_the_answers_they_gave(VECINAL_TEST_DATA), 9U);
}

/// The folder stays only where it was asked for.
TEST(Compatibility, FilesOfThisVersionGiveTheirAnswersToo) {
  const char* asked_for = std::getenv("VECINAL_WRITE_FILES");
  std::string folder = (std::filesystem::temp_directory_path() / "vecinal.XXXXXX").string();
  if (asked_for != nullptr)
    folder = asked_for;
  else
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  for (const char* kind : {"f32_l2", "f16_cosine", "flat_ip", "lvq4_rotated_kept", "lvq4x8_leanvec",
                           "lvq8x8_pca_fused", "lvq8_fused", "sets", "sets_lvq8x8"})
    write_file(folder, kind);
  EXPECT_GE(expect_the_answers_they_gave(folder), 9U);
  if (asked_for == nullptr) std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vecinal
