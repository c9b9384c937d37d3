#include "report.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

namespace vecinal::cli {

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string in_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  constexpr std::string_view units[] = {"KiB", "MiB", "GiB", "TiB"};
  double amount = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; amount >= 1000 && unit + 1 < std::size(units); ++unit) amount /= 1024;
  return fmt::format("{:.1f} {}", amount, units[unit]);
}

std::string in_words(const Config& config) {
  std::string words =
      fmt::format("{} dims, {}, {}, ", config.dim, name(config.metric), name(config.encoding));
  if (config.reduction != Reduction::none) {
    words += fmt::format("reduced by {}", name(config.reduction));
    words += config.reduced_dim == 0 ? ", " : fmt::format(" to {}, ", config.reduced_dim);
  }
  if (config.quantizer != Quantizer::automatic)
    words += fmt::format("quantizer {}, ", name(config.quantizer));
  if (config.keep != Keep::none) words += fmt::format("{} kept, ", name(config.keep));
  if (config.layout != Layout::split) words += fmt::format("{}, ", name(config.layout));
  if (config.graph == GraphKind::none) return words + "no graph (exact search)";
  return words + fmt::format("{} (degree {}, build beam {}, {}, seed {})", name(config.graph),
                             config.degree, config.build_beam, name(config.order), config.seed);
}

nlohmann::ordered_json json_of(const Config& config) {
  return {{"dim", config.dim},
          {"metric", name(config.metric)},
          {"encoding", name(config.encoding)},
          {"reduce", name(config.reduction)},
          {"reduced_dim", config.reduced_dim},
          {"quantizer", name(config.quantizer)},
          {"keep", name(config.keep)},
          {"layout", name(config.layout)},
          {"graph", name(config.graph)},
          {"degree", config.degree},
          {"build_beam", config.build_beam},
          {"order", name(config.order)},
          {"seed", config.seed}};
}

void print_json(const nlohmann::ordered_json& document) {
  fmt::print("{}\n",
             document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void require_folder_of(const std::filesystem::path& output) {
  const std::filesystem::path parent = output.parent_path();
  const std::filesystem::path folder = parent.empty() ? "." : parent;
  const auto fail = [&](int error) {
    throw std::filesystem::filesystem_error("cannot write to the folder", folder,
                                            std::error_code(error, std::generic_category()));
  };
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail(errno);
  if (!std::filesystem::is_directory(folder)) fail(ENOTDIR);
  if (std::filesystem::is_directory(output)) {
    throw std::filesystem::filesystem_error("cannot write", output,
                                            std::error_code(EISDIR, std::generic_category()));
  }
}

}  // namespace vecinal::cli
