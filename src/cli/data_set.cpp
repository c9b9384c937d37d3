#include "data_set.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "read_error.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {
namespace {

/// "base_f16.npy" is called "base".
bool is_called(const std::filesystem::path& file, std::string_view name) {
  const std::string stem = file.stem().string();
  return stem.starts_with(name) && (stem.size() == name.size() || stem[name.size()] == '_');
}

std::filesystem::path find_file(const std::filesystem::path& folder, std::string_view name) {
  std::filesystem::path found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::filesystem::path& file = entry.path();
    if (!entry.is_regular_file() || !has_known_extension(file) || !is_called(file, name)) continue;
    if (!found.empty()) {
      refuse(folder.string(), "expected one file called {}, found {} and {}", name,
             std::min(found, file).filename().string(), std::max(found, file).filename().string());
    }
    found = file;
  }
  return found;
}

std::filesystem::path require_file(const std::filesystem::path& folder, std::string_view name) {
  std::filesystem::path found = find_file(folder, name);
  if (found.empty())
    refuse(folder.string(), "no file {}.npy, {}.fbin, {}.fvecs or so", name, name, name);
  return found;
}

std::optional<Metric> read_metric(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) refuse(file.string(), "cannot be opened");
  const auto meta = nlohmann::json::parse(stream, nullptr, false);
  if (!meta.is_object()) refuse(file.string(), "expected a JSON object");
  const auto metric = meta.find("metric");
  if (metric == meta.end()) return std::nullopt;
  if (!metric->is_string()) refuse(file.string(), "expected a string as \"metric\"");
  try {
    return parse_metric(metric->get<std::string>());
  } catch (const std::invalid_argument& error) {
    refuse(file.string(), "{}", error.what());  // the file's mistake, not the caller's
  }
}

}  // namespace

DataFiles find_files(const std::filesystem::path& folder) {
  return {.base = require_file(folder, "base"),
          .queries = require_file(folder, "queries"),
          .truth = find_file(folder, "gt"),
          .metric = read_metric(folder / "meta.json")};
}

IdMatrix read_truth(const std::filesystem::path& file, std::size_t queries, std::size_t k,
                    std::size_t items) {
  IdMatrix truth = read_ids(file);
  if (truth.rows != queries || truth.columns < k) {
    refuse(file.string(), "expected {} rows of at least {} ids, found {} rows of {}", queries, k,
           truth.rows, truth.columns);
  }
  const Id largest = std::ranges::max(truth.values);
  if (items != 0 && largest >= static_cast<Id>(items)) {
    refuse(file.string(), "names item {}, but there are {} items", largest, items);
  }
  return truth;
}

}  // namespace vecinal::cli
