// vecinal info: what an index file says of itself, and with --verify whether that is sound.
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "progress_bar.hpp"
#include "report.hpp"
#include "stored_index.hpp"
#include "vecinal/index.hpp"

namespace vecinal::cli {
namespace {

nlohmann::ordered_json sections_json(const FileInfo& info) {
  auto sections = nlohmann::ordered_json::array();
  for (const FileInfo::Section& section : info.sections) {
    sections.push_back(
        {{"tag", section.tag}, {"offset", section.offset}, {"length", section.length}});
  }
  return sections;
}

nlohmann::ordered_json tuned_json(const FileInfo& info) {
  auto rows = nlohmann::ordered_json::array();
  for (const Tuned& row : info.tuned) {
    rows.push_back({{"target", row.target},
                    {"k", row.k},
                    {"beam", row.defaults.beam},
                    {"rerank", row.defaults.rerank},
                    {"gamma", row.defaults.gamma},
                    {"candidates", row.defaults.candidates},
                    {"checked_recall", row.checked_recall},
                    {"checked_low", row.checked_low},
                    {"checked_high", row.checked_high},
                    {"items", row.items}});
  }
  return rows;
}

void print_as_json(const InfoOptions& options, const FileInfo& info,
                   const std::optional<std::vector<std::string>>& faults) {
  nlohmann::ordered_json document = {{"file", options.index},
                                     {"format_version", info.version},
                                     {"bytes", info.bytes},
                                     {"size", info.size},
                                     {"removed", info.removed},
                                     {"beam", info.defaults.beam},
                                     {"rerank", info.defaults.rerank},
                                     {"gamma", info.defaults.gamma},
                                     {"candidates", info.defaults.candidates},
                                     {"tuned", tuned_json(info)},
                                     {"config", json_of(info.config)},
                                     {"sections", sections_json(info)}};
  if (faults) {
    document["sound"] = faults->empty();
    document["faults"] = *faults;
  }
  print_json(document);
}

void print_as_text(const InfoOptions& options, const FileInfo& info) {
  fmt::print("{}: vecinal index, format {}, {}\n", options.index, info.version,
             in_bytes(info.bytes));
  fmt::print("  vectors   {}", with_commas(info.size));
  if (info.removed > 0) fmt::print(" and {} removed", with_commas(info.removed));
  fmt::print("\n  config    {}\n  beam      {}\n", in_words(info.config), info.defaults.beam);
  fmt::print("  rerank    {}\n", info.defaults.rerank == 0 ? "as many as the beam"
                                                           : std::to_string(info.defaults.rerank));
  for (const Tuned& row : info.tuned) {
    fmt::print(
        "  tuned     recall {} at k {}: beam {}, rerank {}, gamma {:.4g}; {:.4f} to expect, on "
        "{} vectors\n",
        row.target, row.k, row.defaults.beam, row.defaults.rerank, row.defaults.gamma,
        row.checked_recall, with_commas(row.items));
  }
  fmt::print("  sections  {:<10} {:>14} {:>16}\n", "tag", "offset", "bytes");
  for (const FileInfo::Section& section : info.sections) {
    fmt::print("            {:<10} {:>14} {:>16}\n", section.tag, with_commas(section.offset),
               with_commas(section.length));
  }
}

/// What load_index or check() holds against the file; a file that cannot be opened still throws.
std::vector<std::string> faults_of(const std::string& file) {
  try {
    const auto index = load_with_bar(file);
    ProgressBar bar("checking");
    return index->check(bar.callback());
  } catch (const FormatError& error) {
    return {error.what()};
  }
}

}  // namespace

int run(const InfoOptions& options) {
  const FileInfo info = file_info(options.index);
  std::optional<std::vector<std::string>> faults;
  if (options.verify) faults = faults_of(options.index);
  if (options.json) {
    print_as_json(options, info, faults);
  } else {
    print_as_text(options, info);
  }
  if (!faults) return 0;
  for (const std::string& fault : *faults) fmt::print(stderr, "vecinal: fault: {}\n", fault);
  if (!options.json && faults->empty()) fmt::print("  verified  no faults\n");
  return faults->empty() ? 0 : 1;
}

}  // namespace vecinal::cli
