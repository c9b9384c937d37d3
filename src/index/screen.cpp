#include "index/screen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vecinal {

Screen::Screen(std::span<const Slot> candidates, std::span<const float> scores, std::size_t k)
    : leaders_(std::min(k, candidates.size())) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(leaders_),
                   order.end(), [&](std::size_t a, std::size_t b) {
                     return scores[a] != scores[b] ? scores[a] > scores[b]
                                                   : candidates[a] < candidates[b];
                   });
  for (const std::size_t i : order) {
    slots_.push_back(candidates[i]);
    scores_.push_back(scores[i]);
  }
}

std::span<const Slot> Screen::rivals(std::span<const float> fine) {
  if (leaders_ == 0) return {};
  // Errors of scores that many terms add up to are nearly normal.
  constexpr double deviations = 4;
  double squared = 0;
  for (std::size_t i = 0; i < leaders_; ++i) {
    const double error = static_cast<double>(scores_[i]) - static_cast<double>(fine[i]);
    squared += error * error;
  }
  const double error = std::sqrt(squared / static_cast<double>(leaders_));
  const double last = *std::min_element(fine.begin(), fine.end());
  std::size_t end = leaders_;
  for (std::size_t i = leaders_; i < slots_.size(); ++i) {
    if (static_cast<double>(scores_[i]) < last - deviations * error) continue;
    std::swap(slots_[i], slots_[end]);
    std::swap(scores_[i], scores_[end]);
    ++end;
  }
  return std::span<const Slot>(slots_).subspan(leaders_, end - leaders_);
}

}  // namespace vecinal
