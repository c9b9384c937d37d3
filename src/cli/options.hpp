/// What the user asked for: one struct a command, filled by arguments.cpp, obeyed by its run().
/// Numbers keep the library's names and defaults; the library checks their ranges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "vecinal/index.hpp"

namespace vecinal::cli {

/// Names are kept as typed until config_of() parses them, so that a wrong one is the library's
/// error.
struct IndexOptions {
  std::string metric{name(Config{}.metric)};
  std::string encoding{name(Config{}.encoding)};
  std::string reduce{name(Config{}.reduction)};
  std::size_t reduced_dim = Config{}.reduced_dim;
  std::string quantizer{name(Config{}.quantizer)};
  std::string keep{name(Config{}.keep)};
  std::string layout{name(Config{}.layout)};
  std::string train_queries;  ///< a file of them; empty: none
  std::string graph{name(Config{}.graph)};
  std::string order{name(Config{}.order)};
  std::uint32_t degree = Config{}.degree;
  std::uint32_t build_beam = Config{}.build_beam;
  std::size_t refine = 0;  ///< rounds after the build
  std::uint64_t seed = Config{}.seed;
  std::string device{name(Config{}.device)};
  unsigned threads = 0;  ///< of the build; 0 = all cores
};

[[nodiscard]] Config config_of(const IndexOptions& options, std::size_t dim);

/// Empty file names mean "not given".
struct BuildOptions {
  std::string vectors;
  std::string output;
  std::string ids;
  std::string labels;
  IndexOptions index;
  bool json = false;
};

struct SearchOptions {
  std::string index;
  std::string queries;
  std::string output;
  std::string distances;
  std::size_t k = 10;
  double recall = 0;
  std::size_t beam = 0;
  std::size_t rerank = 0;
  float gamma = 0;
  std::size_t reduced_dim = 0;
  unsigned threads = 0;
  std::string device{name(Config{}.device)};
  std::string filter;
  std::vector<Label> labels;
  double timeout = 0;  ///< seconds; 0 = none
  bool exact = false;
  bool json = false;
};

struct BenchOptions {
  std::string folder;
  std::string base;
  std::string queries;
  std::string truth;
  std::string index;
  std::string metric;  ///< empty: meta.json's, else the library's default
  IndexOptions build;
  std::vector<std::size_t> beams = {10, 20, 40, 80, 160, 320};
  double recall = 0;
  std::size_t rerank = 0;
  float gamma = 0;
  std::size_t reduced_dim = 0;  ///< of the searches
  std::size_t k = 10;
  std::size_t repeats = 3;
  unsigned threads = 0;  ///< of the searches
  bool json = false;
};

struct FitOptions {
  std::string index;
  std::string queries;
  std::size_t beam = FitParams{}.beam;
  std::size_t neighbors = FitParams{}.neighbors;
  unsigned threads = 0;
  bool json = false;
};

struct TuneOptions {
  std::string index;
  std::string queries;
  double recall = 0.95;
  std::size_t k = 10;
  unsigned threads = 0;
  std::string device{name(Config{}.device)};
  bool json = false;
};

struct InfoOptions {
  std::string index;
  bool verify = false;
  bool json = false;
};

struct ConvertOptions {
  std::string input;
  std::string output;
  bool json = false;
};

/// Nothing is left to do: help or version was printed (0), or the arguments were wrong (2).
struct Finished {
  int code = 0;
};

using Command = std::variant<Finished, BuildOptions, SearchOptions, BenchOptions, FitOptions,
                             TuneOptions, InfoOptions, ConvertOptions>;

}  // namespace vecinal::cli
