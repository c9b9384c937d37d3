// The vecinal program: turns arguments into a command and exceptions into exit codes.
#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <variant>

#include "arguments.hpp"
#include "commands.hpp"

namespace {

int run(int argc, const char* const* argv) {
  const vecinal::cli::Command command = vecinal::cli::parse_arguments(argc, argv);
  const int code =
      std::visit([](const auto& options) { return vecinal::cli::run(options); }, command);
  // What was printed may still be in the buffer, and the disk behind it full.
  if (std::fflush(stdout) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot write to the standard output");
  }
  return code;
}

int complain(int code, std::string_view what) noexcept {
  constexpr std::string_view noise = "filesystem error: ";
  if (what.starts_with(noise)) what.remove_prefix(noise.size());
  std::fprintf(stderr, "vecinal: %.*s\n", static_cast<int>(what.size()), what.data());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::invalid_argument& error) {
    return complain(2, error.what());
  } catch (const std::bad_alloc&) {
    return complain(1, "out of memory");
  } catch (const std::exception& error) {
    return complain(1, error.what());
  }
}
