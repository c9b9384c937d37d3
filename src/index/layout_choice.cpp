#include "index/layout_choice.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

#include "core/concat.hpp"
#include "index/train.hpp"

namespace vecinal {
namespace {

/// Of a memory_limit, what comes first may take one in so many parts: more may come later, and a
/// layout stays.
constexpr std::size_t parts_of_limit = 2;

/// Empty if the config can have the fused layout.
std::string fault_of_fused(const Config& fused) {
  try {
    validate(fused);
  } catch (const std::invalid_argument& fault) {
    return fault.what();
  }
  return {};
}

}  // namespace

LayoutChoice choose_layout(const Config& config, std::optional<std::size_t> items) {
  if (config.layout != Layout::automatic) return {config.layout, {}};
  const Config fused = ConfigForms(config).in(Layout::fused);
  if (std::string fault = fault_of_fused(fused); !fault.empty())
    return {Layout::split, "split, as fused cannot be: " + fault};
  if (config.device == Device::cuda)
    return {Layout::split, "split: on a device it is the layout that was measured"};
  const std::size_t bytes = item_bytes(fused, *untrained_rows(fused));
  const std::string fast =
      concat("fused: more queries a second, for about ", bytes, " bytes an item");
  if (config.memory_limit == 0) return {Layout::fused, fast};
  if (!items) return {Layout::automatic, "the first add decides, by the memory_limit"};
  if (*items > config.memory_limit / parts_of_limit / bytes)
    return {Layout::split, concat("split: fused, ", *items, " items of about ", bytes,
                                  " bytes take more than half of the memory_limit")};
  return {Layout::fused, fast};
}

ConfigForms::ConfigForms(const Config& config) {
  forms_.fill(config);
  if (config.layout != Layout::automatic) return;
  for (const Layout layout : {Layout::split, Layout::fused})
    forms_[static_cast<std::size_t>(layout)].layout = layout;
}

std::unique_ptr<Rows> untrained_rows(const Config& config) {
  if (!needs_training(config)) return std::make_unique<Rows>(config, Model(config.dim));
  Model::Parts parts;
  parts.mean.assign(config.dim, 0.0F);
  parts.walk_dim = config.dim;
  return std::make_unique<Rows>(config, Model(std::move(parts)));
}

}  // namespace vecinal
