// The built program, run as a user runs it: exit codes, outputs, errors.
#include "program.hpp"

#include <algorithm>

namespace vecinal::cli {
namespace {

TEST_F(Program, HelpAndVersionArePrintedToStdout) {
  const Ran help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* command : {"build", "search", "bench", "tune", "info", "convert"}) {
    EXPECT_TRUE(contains(help.out, command));
    const Ran own = run({command, "--help"});
    EXPECT_EQ(own.code, 0);
    EXPECT_TRUE(contains(own.out, "--json")) << own.out;
  }
  const Ran version = run({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(version.out.starts_with("vecinal ")) << version.out;
}

TEST_F(Program, WrongArgumentsExitWith2) {
  expect_failure({}, 2, "required");
  expect_failure({"biuld"}, 2, "'biuld'");
  expect_failure({"--nonsense"}, 2, "'--nonsense'");
  expect_failure({"build", "base.fbin"}, 2, "--output is required");
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--nonsense"}, 2, "--nonsense");
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--degree", "many"}, 2, "--degree");
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--degree", "-4"}, 2, "negative");
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--threads", "99999999999"}, 2, "--threads");
  expect_failure({"build", "base.csv", "-o", "a.vcn"}, 2, ".fbin");
  expect_failure({"bench"}, 2, "bench needs");
  expect_failure({"bench", ".", "--repeats", "0"}, 2, "repeat");
}

TEST_F(Program, TheLibrarysInvalidArgumentsExitWith2) {
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--metric", "hamming"}, 2, "hamming");
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--degree", "7"}, 2, "degree");
  write_ids(folder_ / "ids.npy", {499, 1, std::vector<Id>(499, 1)});
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--ids", "ids.npy"}, 2, "499");
  write_ids(folder_ / "same.npy", {500, 1, std::vector<Id>(500, 1)});
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--ids", "same.npy"}, 2, "");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.vcn"));
  build();
  expect_failure({"search", "a.vcn", "queries.npy", "-k", "0"}, 2, "k");
  expect_failure({"tune", "a.vcn", "queries.npy", "--recall", "1.5"}, 2, "recall");
  write_floats(folder_ / "other.npy", random_vectors(2, 17, 3).view());
  expect_failure({"search", "a.vcn", "other.npy"}, 2, "17");
}

TEST_F(Program, BadFilesExitWith1) {
  expect_failure({"build", "missing.npy", "-o", "a.vcn"}, 1, "missing.npy");
  expect_failure({"build", "base.fbin", "-o", "missing/a.vcn"}, 1, "missing");
  expect_failure({"build", "base.fbin", "-o", "streams"}, 1, "streams");
  folder_.write("cut.fbin", bin(3, 3, "short"));
  expect_failure({"build", "cut.fbin", "-o", "a.vcn"}, 1, "found 5");
  expect_failure({"search", "base.fbin", "queries.npy"}, 1, "");
  expect_failure({"search", "missing.vcn", "queries.npy"}, 1, "missing.vcn");
  expect_failure({"info", "missing.vcn"}, 1, "missing.vcn");
  expect_failure({"info", "base.fbin"}, 1, "");
  expect_failure({"tune", "base.fbin", "queries.npy"}, 1, "");
  expect_failure({"bench", "missing"}, 1, "missing");
  expect_failure({"bench", "streams"}, 1, "base");
  expect_failure({"convert", "cut.fbin", "a.npy"}, 1, "found 5");
}

TEST_F(Program, AFullDiskExitsWith1) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  build();
  const Ran printed = run({"search", "a.vcn", "queries.npy"}, "/dev/full");
  EXPECT_EQ(printed.code, 1);
  EXPECT_TRUE(contains(printed.err, "No space left")) << printed.err;
  std::filesystem::create_symlink("/dev/full", folder_ / "full.npy");
  expect_failure({"search", "a.vcn", "queries.npy", "-o", "full.npy"}, 1, "No space left");
}

TEST_F(Program, BuildReportsWhatItMade) {
  const json built =
      run_json({"build", "base.fbin", "-o", "a.vcn", "--metric", "cosine", "--degree", "16",
                "--build-beam", "50", "--order", "given", "--seed", "7"});
  EXPECT_EQ(built.at("size"), 500);
  EXPECT_EQ(built.at("config").at("metric"), "cosine");
  EXPECT_EQ(built.at("config").at("degree"), 16);
  EXPECT_EQ(built.at("config").at("seed"), 7);
  EXPECT_GT(built.at("seconds"), 0);
  EXPECT_GE(built.at("bytes_per_vector"), 64);
  EXPECT_EQ(built.at("file_bytes"), std::filesystem::file_size(folder_ / "a.vcn"));

  const json info = run_json({"info", "a.vcn", "--verify"});
  EXPECT_EQ(info.at("size"), 500);
  EXPECT_EQ(info.at("config"), built.at("config"));
  EXPECT_EQ(info.at("sound"), true);
  EXPECT_FALSE(info.at("sections").empty());
}

TEST_F(Program, TheSameBuildGivesTheSameFileForAnyThreads) {
  build({"--threads", "1"});
  const std::string first = content_of(folder_ / "a.vcn");
  build({"--threads", "3"});
  EXPECT_TRUE(content_of(folder_ / "a.vcn") == first);  // EXPECT_EQ would print both files
}

TEST_F(Program, BenchMeasuresAFolder) {
  const json bench =
      run_json({"bench", ".", "--beams", "10,40,160", "--repeats", "1", "--threads", "1"});
  EXPECT_EQ(bench.at("size"), 500);
  EXPECT_EQ(bench.at("config").at("metric"), "l2");
  EXPECT_GT(bench.at("build_seconds"), 0);
  ASSERT_EQ(bench.at("beams").size(), 3U);
  for (const json& beam : bench.at("beams")) {
    EXPECT_GT(beam.at("qps"), 0);
    EXPECT_LE(beam.at("recall"), 1);
  }
  ASSERT_EQ(bench.at("qps_at_recall").size(), 3U);
}

TEST_F(Program, BenchObeysMetaAndTheCommandLine) {
  folder_.write("meta.json", R"({"metric": "cosine"})");
  EXPECT_EQ(run_json({"bench", ".", "--graph", "none"}).at("config").at("metric"), "cosine");
  EXPECT_EQ(run_json({"bench", ".", "--graph", "none", "--metric", "ip"}).at("config").at("metric"),
            "ip");
}

TEST_F(Program, BenchWithoutAGraphFindsEverything) {
  for (const char* metric : {"l2", "ip", "cosine"}) {
    const json bench = run_json({"bench", "--base", "base.fbin", "--queries", "queries.npy",
                                 "--graph", "none", "--metric", metric, "--repeats", "1"});
    ASSERT_EQ(bench.at("beams").size(), 1U);
    EXPECT_EQ(bench.at("beams")[0].at("recall"), 1.0) << metric;
  }
}

TEST_F(Program, BenchMeasuresAnIndexAgainstAGivenTruth) {
  build();
  ASSERT_EQ(run({"search", "a.vcn", "queries.npy", "--exact", "-o", "gt.ibin"}).code, 0);
  const json bench = run_json({"bench", "--index", "a.vcn", "--queries", "queries.npy", "--truth",
                               "gt.ibin", "--beams", "500", "--repeats", "1"});
  EXPECT_TRUE(bench.at("build_seconds").is_null());
  EXPECT_GE(bench.at("beams")[0].at("recall"), 0.9);
  expect_failure(
      {"bench", "--index", "a.vcn", "--queries", "queries.npy", "--truth", "gt.ibin", "-k", "11"},
      1, "gt.ibin");
}

TEST_F(Program, FitChangesTheGraphOfTheFile) {
  build();
  const auto before = content_of(folder_ / "a.vcn");
  const json fitted =
      run_json({"fit", "a.vcn", "queries.npy", "--beam", "100", "--neighbors", "20"});
  EXPECT_GT(fitted.at("links"), 0);
  EXPECT_NE(content_of(folder_ / "a.vcn"), before);
  EXPECT_EQ(run_json({"info", "a.vcn", "--verify"}).at("sound"), true);
  expect_failure({"fit", "a.vcn", "queries.npy", "--neighbors", "1"}, 2, "neighbors must be 2");
}

TEST_F(Program, TuneStoresTheBeam) {
  build();
  const json tuned = run_json({"tune", "a.vcn", "queries.npy", "--recall", "0.8", "-k", "5"});
  EXPECT_EQ(tuned.at("reached"), true);
  EXPECT_GE(tuned.at("recall"), 0.8);
  EXPECT_EQ(run_json({"info", "a.vcn"}).at("beam"), tuned.at("beam"));
}

TEST_F(Program, SearchAndBenchTakeARecallThatWasTuned) {
  build();
  const std::vector<std::string> search = {"search", "a.vcn", "queries.npy", "--recall", "0.8"};
  expect_failure(search, 2, "is not tuned");
  EXPECT_GE(run_json({"tune", "a.vcn", "queries.npy", "--recall", "0.9"}).at("recall"), 0.9);
  const json bench =
      run_json({"bench", "--index", "a.vcn", "--queries", "queries.npy", "--recall", "0.9"});
  EXPECT_EQ(bench.at("beams")[0].at("hops_per_query"), run_json(search).at("hops_per_query"));
  expect_failure({"bench", ".", "--recall", "0.9"}, 2, "--index");
}

TEST_F(Program, CodesAndReductionsGoThroughEveryCommand) {
  const json built = run_json({"build", "base.fbin", "-o", "a.vcn", "--encoding", "lvq4x8",
                               "--reduce", "leanvec_ood", "--reduced-dim", "12", "--quantizer",
                               "fitted", "--train-queries", "queries.npy"});
  EXPECT_EQ(built.at("config").at("encoding"), "lvq4x8");
  const json info = run_json({"info", "a.vcn", "--verify"});
  EXPECT_EQ(info.at("config").at("reduce"), "leanvec_ood");
  EXPECT_EQ(info.at("config").at("reduced_dim"), 12);
  EXPECT_EQ(info.at("sound"), true);
  const json found =
      run_json({"search", "a.vcn", "base.fbin", "-k", "1", "--beam", "50", "--rerank", "100"});
  std::size_t own = 0;
  for (std::size_t i = 0; i < 500; ++i) own += found.at("results")[i].at("ids")[0] == i ? 1U : 0U;
  EXPECT_GE(own, 490U);
  EXPECT_EQ(found.at("reranked_per_query"), 100);
  EXPECT_EQ(built.at("reduced_dim"), 12);
  EXPECT_EQ(built.at("quantizer"), "fitted");
  const json bench =
      run_json({"bench", ".", "--encoding", "lvq8", "--reduce", "pca", "--build-reduced-dim", "12",
                "--reduced-dim", "8", "--rerank", "40", "--beams", "10", "--repeats", "1"});
  EXPECT_EQ(bench.at("config").at("reduced_dim"), 12);
  EXPECT_EQ(bench.at("reduced_dim"), 8);
  EXPECT_EQ(bench.at("beams")[0].at("reranked_per_query"), 40);
  const json tuned = run_json({"tune", "a.vcn", "queries.npy", "--recall", "0.8", "-k", "5"});
  EXPECT_EQ(run_json({"info", "a.vcn"}).at("rerank"), tuned.at("rerank"));
}

TEST_F(Program, WrongRowOptionsExitWith2) {
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--encoding", "lvq9"}, 2, "lvq8x8");
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--reduced-dim", "4"}, 2, "reduction");
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--reduce", "umap"}, 2, "leanvec_ood");
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--quantizer", "best"}, 2, "rotated_fitted");
  expect_failure({"build", "base.fbin", "-o", "a.vcn", "--keep", "f32"}, 2, "keep");
  const std::vector<std::string> ood = {"build",      "base.fbin", "-o",       "a.vcn",
                                        "--encoding", "lvq8",      "--reduce", "leanvec_ood"};
  expect_failure(ood, 2, "--train-queries");
  std::vector<std::string> others = ood;
  write_floats(folder_ / "other.npy", random_vectors(2, 17, 3).view());
  others.insert(others.end(), {"--train-queries", "other.npy"});
  expect_failure(others, 2, "17");
  others.back() = "missing.npy";
  expect_failure(others, 1, "missing.npy");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.vcn"));
  build();
  expect_failure({"search", "a.vcn", "queries.npy", "--exact", "--rerank", "4"}, 2, "--exact");
  expect_failure({"search", "a.vcn", "queries.npy", "--rerank", "-4"}, 2, "negative");
  expect_failure({"search", "a.vcn", "queries.npy", "--reduced-dim", "4"}, 2, "reduced_dim");
}

TEST_F(Program, InfoFindsADamagedFile) {
  build();
  std::string bytes = content_of(folder_ / "a.vcn");
  folder_.write("cut.vcn", bytes.substr(0, bytes.size() - 1));
  const Ran ran = run({"info", "cut.vcn", "--verify"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(ran.err.starts_with("vecinal: ")) << ran.err;
}

TEST_F(Program, ConvertGoesBetweenAllFormats) {
  const FloatMatrix base = read_floats(folder_ / "base.fbin");
  std::string from = "base.fbin";
  for (const std::string to : {"b.npy", "b.fvecs", "c.fbin"}) {
    const json converted = run_json({"convert", from, to});
    EXPECT_EQ(converted.at("rows"), 500);
    EXPECT_EQ(converted.at("dtype"), "float32");
    EXPECT_EQ(read_floats(folder_ / to).values, base.values);
    from = to;
  }
  EXPECT_TRUE(content_of(folder_ / "c.fbin") == content_of(folder_ / "base.fbin"));
  folder_.write("ids.ivecs", vec(2, raw_list<std::int32_t>({3, 4})));
  EXPECT_EQ(run_json({"convert", "ids.ivecs", "ids.npy"}).at("dtype"), "int64");
  EXPECT_EQ(run_json({"convert", "ids.npy", "ids.ibin"}).at("dtype"), "int32");
  EXPECT_EQ(read_ids(folder_ / "ids.ibin").values, (std::vector<Id>{3, 4}));
  expect_failure({"convert", "base.fbin", "ids.ibin"}, 1, "integers");
  expect_failure({"convert", "base.fbin", "a.bvecs"}, 2, ".fvecs");
}

/// On real vectors, where VECINAL_DATA names the folder of the stored sets.
TEST_F(Program, BenchReachesItsRecallOnRealVectors) {
  const char* data = std::getenv("VECINAL_DATA");
  if (data == nullptr) GTEST_SKIP() << "VECINAL_DATA is not set";
  const std::string set = (std::filesystem::path(data) / "sift5k").string();
  if (!std::filesystem::exists(set)) GTEST_SKIP() << set << " is not there";
  const json bench = run_json({"bench", set, "--beams", "10,160", "--threads", "1"});
  ASSERT_EQ(bench.at("beams").size(), 2U);
  // hnswlib 0.8 with M = 16, ef_construction = 200, ef = 160 finds 0.967 of them.
  EXPECT_GE(bench.at("beams")[1].at("recall"), 0.95);
  // Their truth and ours must be the same, ties aside.
  const json flat = run_json({"bench", set, "--graph", "none", "--repeats", "1"});
  EXPECT_GE(flat.at("beams")[0].at("recall"), 0.999);
}

}  // namespace
}  // namespace vecinal::cli
