/// The commands. Each prints to stdout (progress to stderr) and returns the exit code: 0 or, where
/// the answer itself is "no" (faults found, recall not reached), 1. Anything worse is an exception.
#pragma once

#include "options.hpp"

namespace vecinal::cli {

[[nodiscard]] int run(const BuildOptions& options);
[[nodiscard]] int run(const SearchOptions& options);
[[nodiscard]] int run(const BenchOptions& options);
[[nodiscard]] int run(const FitOptions& options);
[[nodiscard]] int run(const TuneOptions& options);
[[nodiscard]] int run(const InfoOptions& options);
[[nodiscard]] int run(const ConvertOptions& options);

[[nodiscard]] inline int run(const Finished& finished) { return finished.code; }

}  // namespace vecinal::cli
