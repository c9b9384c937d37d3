/// What Layout::automatic becomes, and why.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "index/rows.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

struct LayoutChoice {
  Layout layout = Layout::split;  ///< automatic: a memory_limit, and not known how many items come
  std::string reason;
};

/// items: of the first add, if it has come to that. docs/search-engine.md has the measurements.
[[nodiscard]] LayoutChoice choose_layout(const Config& config, std::optional<std::size_t> items);

/// A config in each of the layouts that it may come to have: those who read one of them need not
/// know that the choice is made meanwhile.
class ConfigForms {
 public:
  explicit ConfigForms(const Config& config);
  [[nodiscard]] const Config& in(Layout layout) const {
    return forms_[static_cast<std::size_t>(layout)];
  }

 private:
  std::array<Config, 3> forms_;
};

/// Rows of the right kind before training, none in number.
[[nodiscard]] std::unique_ptr<Rows> untrained_rows(const Config& config);

/// Bytes that an item takes in rows like these, and in the graph if there is one.
[[nodiscard]] std::size_t item_bytes(const Config& config, const Rows& rows);

}  // namespace vecinal
