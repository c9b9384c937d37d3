/// How results are put into words, columns and JSON; shared by the commands.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "vecinal/config.hpp"

namespace vecinal::cli {

[[nodiscard]] std::string with_commas(std::uint64_t number);  ///< 12345 -> "12,345"
[[nodiscard]] std::string in_bytes(std::uint64_t bytes);      ///< 1536 -> "1.5 KiB"

/// "128 dims, l2, f32, hnsw (degree 32, build beam 200, shuffled, seed 0)"
[[nodiscard]] std::string in_words(const Config& config);
[[nodiscard]] nlohmann::ordered_json json_of(const Config& config);

/// Prints one document to stdout; bytes that are not UTF-8 (file names) become U+FFFD.
void print_json(const nlohmann::ordered_json& document);

/// Throws std::filesystem::filesystem_error unless a file can be made in the folder of `output`:
/// said before the work, not after it.
void require_folder_of(const std::filesystem::path& output);

}  // namespace vecinal::cli
