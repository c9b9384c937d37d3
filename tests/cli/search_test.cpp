// vecinal search, run as a user runs it.
#include <algorithm>

#include "program.hpp"

namespace vecinal::cli {
namespace {

TEST_F(Program, SearchFindsAVectorAtItself) {
  std::vector<Id> ids(500);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<Id>(1000 + i);
  write_ids(folder_ / "ids.npy", {500, 1, ids});
  build({"--ids", "ids.npy"});
  const json found = run_json({"search", "a.vcn", "base.fbin", "-k", "2", "--exact"});
  ASSERT_EQ(found.at("results").size(), 500U);
  EXPECT_EQ(found.at("exact_queries"), 500);
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(found.at("results")[i].at("ids")[0], 1000 + i);
    EXPECT_NEAR(found.at("results")[i].at("distances")[0].get<double>(), 0, 1e-5);
  }
}

TEST_F(Program, SearchFindsAllowedIdsAndLabelsOnly) {
  std::vector<Id> labels(1000);  // the remainder by 10, and for every third vector 77
  for (std::size_t i = 0; i < 500; ++i) {
    labels[2 * i] = static_cast<Id>(i % 10);
    labels[2 * i + 1] = i % 3 == 0 ? 77 : -1;
  }
  write_ids(folder_ / "labels.npy", {500, 2, labels});
  std::vector<Id> listed(250);
  for (std::size_t i = 0; i < 250; ++i) listed[i] = static_cast<Id>(i);
  write_ids(folder_ / "allowed.ibin", {250, 1, listed});
  build({"--labels", "labels.npy"});
  const json few = run_json({"search", "a.vcn", "queries.npy", "-k", "20", "--filter",
                             "allowed.ibin", "--label", "3,77"});
  EXPECT_EQ(few.at("incomplete_queries"), 0);
  std::size_t allowed = 0;
  const auto fits = [](Id id) { return id < 250 && (id % 10 == 3 || id % 3 == 0); };
  for (Id id = 0; id < 500; ++id) allowed += fits(id) ? 1U : 0U;
  EXPECT_EQ(few.at("allowed"), allowed);
  for (const json& result : few.at("results")) {
    EXPECT_EQ(result.at("ids").size(), 20U);
    for (const json& id : result.at("ids")) EXPECT_TRUE(fits(id.get<Id>())) << id;
  }
  expect_failure({"search", "a.vcn", "queries.npy", "--filter", "queries.npy"}, 1, "queries.npy");
  expect_failure({"build", "base.fbin", "-o", "b.vcn", "--labels", "allowed.ibin"}, 2, "500");
}

TEST_F(Program, SearchesPastATimeoutSaySo) {
  build();
  const json found = run_json({"search", "a.vcn", "queries.npy", "--timeout", "0.000000001"});
  EXPECT_EQ(found.at("incomplete_queries"), 20);
  const json whole = run_json({"search", "a.vcn", "queries.npy", "--timeout", "1000"});
  EXPECT_EQ(whole.at("incomplete_queries"), 0);
  expect_failure({"search", "a.vcn", "queries.npy", "--timeout", "0"}, 2, "timeout");
}

TEST_F(Program, SearchWritesWhatItWouldPrint) {
  build();
  const json printed = run_json({"search", "a.vcn", "queries.npy", "-k", "5", "--beam", "30"});
  for (const char* name : {"r.ibin", "r.npy", "r.ivecs"}) {
    const json written = run_json({"search", "a.vcn", "queries.npy", "-k", "5", "--beam", "30",
                                   "-o", name, "--distances", "d.fbin"});
    EXPECT_FALSE(written.contains("results"));
    const IdMatrix ids = read_ids(folder_ / name);
    const FloatMatrix distances = read_floats(folder_ / "d.fbin");
    ASSERT_EQ(ids.rows, 20U);
    ASSERT_EQ(ids.columns, 5U);
    for (std::size_t i = 0; i < 100; ++i) {
      const json& row = printed.at("results")[i / 5];
      EXPECT_EQ(row.at("ids")[i % 5], ids.values[i]);
      EXPECT_EQ(row.at("distances")[i % 5].get<float>(), distances.values[i]);
    }
  }
}

TEST_F(Program, SearchPrintsALinePerQueryAndNoPadding) {
  write_floats(folder_ / "few.npy", random_vectors(3, 16, 4).view());
  ASSERT_EQ(run({"build", "few.npy", "-o", "few.vcn"}).code, 0);
  const Ran ran = run({"search", "few.vcn", "queries.npy", "-k", "10"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(std::ranges::count(ran.out, '\n'), 20);
  EXPECT_EQ(std::ranges::count(ran.out, ':'), 20 * 3);
}

}  // namespace
}  // namespace vecinal::cli
