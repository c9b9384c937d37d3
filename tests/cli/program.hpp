/// The built program, in a folder with a small set of vectors.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "file_bytes.hpp"
#include "random_vectors.hpp"
#include "temporary_folder.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {

using nlohmann::json;

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

inline std::string quoted(const std::string& argument) {
  std::string text = "'";
  for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A folder with a small set of vectors; programs run in it.
class Program : public testing::Test {
 protected:
  Program() {
    write_floats(folder_ / "base.fbin", random_vectors(500, 16, 1).view());
    write_floats(folder_ / "queries.npy", random_vectors(20, 16, 2).view());
  }

  [[nodiscard]] Ran run(const std::vector<std::string>& arguments,
                        const std::string& stdout_file = "") const {
    std::filesystem::create_directory(folder_ / "streams");
    std::string line = "cd " + quoted(folder_.path().string()) + " && " VECINAL_EMULATOR " " +
                       quoted(VECINAL_PROGRAM);
    for (const std::string& argument : arguments) line += " " + quoted(argument);
    const std::string out = (folder_ / "streams/out").string();
    const std::string err = (folder_ / "streams/err").string();
    line += " >" + quoted(stdout_file.empty() ? out : stdout_file) + " 2>" + quoted(err) +
            " </dev/null";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content_of(out), content_of(err)};
  }

  /// Runs a command that must succeed and print JSON alone.
  [[nodiscard]] json run_json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    return json::parse(ran.out);
  }

  void expect_failure(const std::vector<std::string>& arguments, int code,
                      const std::string& reason) const {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_TRUE(ran.err.starts_with("vecinal: ")) << ran.err;
    EXPECT_TRUE(contains(ran.err, reason)) << ran.err;
    EXPECT_EQ(ran.out, "");
  }

  void build(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"build", "base.fbin", "-o", "a.vcn"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = run(arguments);
    ASSERT_EQ(ran.code, 0) << ran.err;
  }

  TemporaryFolder folder_;
};

}  // namespace vecinal::cli
