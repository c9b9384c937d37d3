#include "graph/select.hpp"

#include <algorithm>
#include <array>

namespace vecinal {

bool Selector::occluded(const LayerView& layer, Scored candidate) {
  // A few at a time: most candidates that are occluded are so by one of the nearest neighbours
  // chosen.
  constexpr std::size_t chunk = 4;
  std::array<float, chunk> scores;
  const Scorer scorer = rows_.scorer_of(layer.slot(candidate.slot), buffer_);
  const float limit = candidate.score + geometry_.shift;
  for (std::size_t i = 0; i < chosen_slots_.size(); i += chunk) {
    const std::size_t count = std::min(chunk, chosen_slots_.size() - i);
    scorer(chosen_slots_.data() + i, count, scores.data());
    distances_ += count;
    for (std::size_t j = 0; j < count; ++j)
      if (geometry_.alpha * (scores[j] + geometry_.shift) <= limit) return true;
  }
  return false;
}

std::span<const Scored> Selector::select(const LayerView& layer,
                                         std::span<const Candidate> candidates,
                                         std::uint32_t degree, std::uint32_t fill) {
  chosen_.clear();
  chosen_slots_.clear();
  passed_.clear();
  auto kept_ahead = static_cast<std::size_t>(std::count_if(
      candidates.begin(), candidates.end(), [](const Candidate& c) { return c.keep; }));
  for (const Candidate& c : candidates) {
    if (c.keep) {
      --kept_ahead;
    } else if (chosen_.size() + kept_ahead >= degree) {
      continue;
    } else if (occluded(layer, c.scored)) {
      passed_.push_back(c.scored);
      continue;
    }
    chosen_.push_back(c.scored);
    chosen_slots_.push_back(layer.slot(c.scored.slot));
  }
  if (chosen_.size() < fill && !passed_.empty()) {
    const std::size_t more = std::min(fill - chosen_.size(), passed_.size());
    chosen_.insert(chosen_.end(), passed_.begin(),
                   passed_.begin() + static_cast<std::ptrdiff_t>(more));
    std::sort(chosen_.begin(), chosen_.end());
  }
  return chosen_;
}

}  // namespace vecinal
