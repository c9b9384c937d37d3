/// Of one query's candidates those that are worth a second, finer score: the best by a coarse one,
/// and what comes so close behind them that its error may hide a better one.
#pragma once

#include <span>
#include <vector>

#include "core/types.hpp"

namespace vecinal {

class Screen {
 public:
  /// Candidates and their coarse scores, of which greater ones are better; at most k are wanted.
  Screen(std::span<const Slot> candidates, std::span<const float> scores, std::size_t k);

  /// The k best by their coarse scores.
  [[nodiscard]] std::span<const Slot> leaders() const {
    return std::span<const Slot>(slots_).first(leaders_);
  }

  /// fine: of the leaders, which show how far off coarse scores are. Returns the others that may be
  /// better than the last of the leaders.
  [[nodiscard]] std::span<const Slot> rivals(std::span<const float> fine);

 private:
  std::vector<Slot> slots_;  ///< the leaders first
  std::vector<float> scores_;
  std::size_t leaders_;
};

}  // namespace vecinal
