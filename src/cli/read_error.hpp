/// The exception of the vector-file readers, and the one way they throw it.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string_view>
#include <utility>

namespace vecinal::cli {

/// A file is not what it should be; the message names the file, what was expected and what was
/// found.
struct ReadError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Args>
[[noreturn]] void refuse(std::string_view file, fmt::format_string<Args...> reason,
                         Args&&... args) {
  throw ReadError(fmt::format("{}: {}", file, fmt::format(reason, std::forward<Args>(args)...)));
}

}  // namespace vecinal::cli
