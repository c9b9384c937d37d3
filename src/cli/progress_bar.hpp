/// A progress bar on stderr where that is a terminal, and nothing at all elsewhere.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "vecinal/index.hpp"

namespace vecinal::cli {

/// "building [########------------]  42 %  12,600/30,000"
[[nodiscard]] std::string progress_line(std::string_view label, std::size_t done,
                                        std::size_t total);

class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();  ///< wipes the line
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// For the library to call while this bar lives; empty where nothing is drawn.
  [[nodiscard]] Progress callback();

 private:
  std::string label_;
  bool drawn_ = false;
};

}  // namespace vecinal::cli
