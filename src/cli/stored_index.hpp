/// Index files read and written with a progress bar.
#pragma once

#include <memory>
#include <string>

#include "vecinal/index.hpp"

namespace vecinal::cli {

/// As load_index(), which reports to the bar.
[[nodiscard]] std::unique_ptr<Index> load_with_bar(const std::string& file,
                                                   LoadOptions options = {});

/// As Index::save().
void save_with_bar(const Index& index, const std::string& file);

}  // namespace vecinal::cli
