/// A benchmark's files: base vectors, queries, and the true neighbours if someone computed them.
#pragma once

#include <filesystem>
#include <optional>

#include "matrix.hpp"

namespace vecinal::cli {

/// Empty paths mean "none".
struct DataFiles {
  std::filesystem::path base;
  std::filesystem::path queries;
  std::filesystem::path truth;
  std::optional<Metric> metric;
};

/// Looks in a folder for base.*, queries.* and gt.* (or base_*.* and so on; one of each, with a
/// known extension), and for meta.json, {"metric": "cosine"}. Throws ReadError (base or queries
/// missing, two of a kind, a meta.json that is not so), std::filesystem::filesystem_error.
[[nodiscard]] DataFiles find_files(const std::filesystem::path& folder);

/// The ids of the true neighbours. Throws ReadError unless there is a row for each query and at
/// least k ids in it, all below `items` (0 = unknown).
[[nodiscard]] IdMatrix read_truth(const std::filesystem::path& file, std::size_t queries,
                                  std::size_t k, std::size_t items);

}  // namespace vecinal::cli
