#include "report.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "options.hpp"
#include "progress_bar.hpp"
#include "temporary_folder.hpp"

namespace vecinal::cli {
namespace {

TEST(Words, NumbersHaveCommas) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1'000), "1,000");
  EXPECT_EQ(with_commas(1'234'567), "1,234,567");
  EXPECT_EQ(with_commas(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(Words, BytesHaveAUnit) {
  EXPECT_EQ(in_bytes(0), "0 bytes");
  EXPECT_EQ(in_bytes(1023), "1023 bytes");
  EXPECT_EQ(in_bytes(1536), "1.5 KiB");
  EXPECT_EQ(in_bytes(UINT64_MAX), "16777216.0 TiB");
}

TEST(Words, ConfigsNameTheirGraph) {
  Config config;
  config.dim = 8;
  EXPECT_EQ(in_words(config),
            "8 dims, l2, f32, hnsw (degree 32, build beam 200, shuffled, seed 0)");
  config.graph = GraphKind::none;
  EXPECT_EQ(in_words(config), "8 dims, l2, f32, no graph (exact search)");
}

TEST(Words, ConfigsNameHowRowsAreMadeSmaller) {
  Config config{.dim = 8,
                .encoding = Encoding::lvq4,
                .reduction = Reduction::pca,
                .quantizer = Quantizer::rotated,
                .keep = Keep::f16,
                .graph = GraphKind::none};
  EXPECT_EQ(
      in_words(config),
      "8 dims, l2, lvq4, reduced by pca, quantizer rotated, f16 kept, no graph (exact search)");
  config = {.dim = 8, .reduction = Reduction::prefix, .reduced_dim = 4, .graph = GraphKind::none};
  EXPECT_EQ(in_words(config), "8 dims, l2, f32, reduced by prefix to 4, no graph (exact search)");
}

TEST(Progress, LineShowsShareAndCounts) {
  EXPECT_EQ(progress_line("building", 12'600, 30'000),
            "building [########------------]  42 %  12,600/30,000");
  EXPECT_EQ(progress_line("building", 0, 5), "building [--------------------]   0 %  0/5");
  EXPECT_EQ(progress_line("building", 5, 5), "building [####################] 100 %  5/5");
  EXPECT_EQ(progress_line("building", 0, 0), "building [####################] 100 %  0/0");
  EXPECT_EQ(progress_line("building", 9, 5), "building [####################] 100 %  9/5");
}

TEST(Options, DefaultsAreTheLibrarys) {
  const Config config = config_of(IndexOptions{}, 8);
  const Config library;
  EXPECT_EQ(config.dim, 8U);
  EXPECT_EQ(config.metric, library.metric);
  EXPECT_EQ(config.encoding, library.encoding);
  EXPECT_EQ(config.reduction, library.reduction);
  EXPECT_EQ(config.reduced_dim, library.reduced_dim);
  EXPECT_EQ(config.quantizer, library.quantizer);
  EXPECT_EQ(config.keep, library.keep);
  EXPECT_EQ(config.graph, library.graph);
  EXPECT_EQ(config.degree, library.degree);
  EXPECT_EQ(config.build_beam, library.build_beam);
  EXPECT_EQ(config.order, library.order);
  EXPECT_EQ(config.seed, library.seed);
}

TEST(OutputFolder, MustExistAndBeAFolder) {
  const TemporaryFolder folder;
  folder.write("file", "");
  EXPECT_NO_THROW(require_folder_of(folder / "new"));
  EXPECT_NO_THROW(require_folder_of(folder / "file"));
  EXPECT_NO_THROW(require_folder_of("just-a-name"));
  EXPECT_THROW(require_folder_of(folder / "missing/new"), std::filesystem::filesystem_error);
  EXPECT_THROW(require_folder_of(folder / "file/new"), std::filesystem::filesystem_error);
  EXPECT_THROW(require_folder_of(folder.path()), std::filesystem::filesystem_error);
}

}  // namespace
}  // namespace vecinal::cli
