/// The command line as the user types it; the only place that knows CLI11.
#pragma once

#include "options.hpp"

namespace vecinal::cli {

/// Prints help and version to stdout, mistakes to stderr.
[[nodiscard]] Command parse_arguments(int argc, const char* const* argv);

}  // namespace vecinal::cli
