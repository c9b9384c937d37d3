#include "progress_bar.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "report.hpp"

namespace vecinal::cli {

std::string progress_line(std::string_view label, std::size_t done, std::size_t total) {
  constexpr std::size_t cells = 20;
  const double share =
      total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(share * cells);
  return fmt::format("{} [{}{}] {:3} %  {}/{}", label, std::string(filled, '#'),
                     std::string(cells - filled, '-'), static_cast<int>(share * 100),
                     with_commas(done), with_commas(total));
}

ProgressBar::ProgressBar(std::string label) : label_(std::move(label)) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

Progress ProgressBar::callback() {
  if (::isatty(STDERR_FILENO) == 0) return {};
  return [this](std::size_t done, std::size_t total) {
    drawn_ = true;
    std::fputs(fmt::format("\r{}\x1b[K", progress_line(label_, done, total)).c_str(), stderr);
    return true;
  };
}

}  // namespace vecinal::cli
