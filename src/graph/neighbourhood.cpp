#include "graph/neighbourhood.hpp"

#include <algorithm>

namespace vecinal {

void Neighbourhood::reset(const LayerView& layer, std::span<const Node> nodes) {
  nodes_.assign(nodes.begin(), nodes.end());
  words_ = (nodes_.size() + 63) / 64;
  linked_.assign(nodes_.size() * words_, 0);
  ranks_.clear();
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    ranks_.push_back((static_cast<std::uint64_t>(nodes_[i]) << 32U) | i);
  std::sort(ranks_.begin(), ranks_.end());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    set(linked_, i, i);
    layer.for_links(nodes_[i], [&](Node next) {
      const auto at =
          std::lower_bound(ranks_.begin(), ranks_.end(), static_cast<std::uint64_t>(next) << 32U);
      if (at != ranks_.end() && (*at >> 32U) == next) set(linked_, i, *at & no_slot);
    });
  }
}

void Neighbourhood::connect(std::size_t count, std::vector<Link>& missing) {
  count = std::min(count, nodes_.size());
  close(count);
  score_pairs(count);
  for (const Pair& pair : pairs_) {
    link(pair.a, pair.b, count, missing);
    link(pair.b, pair.a, count, missing);
  }
}

void Neighbourhood::close(std::size_t count) {
  reach_ = linked_;
  for (std::size_t through = 0; through < count; ++through)
    for (std::size_t i = 0; i < count; ++i)
      if (holds(reach_, i, through)) join(i, through);
}

void Neighbourhood::score_pairs(std::size_t count) {
  pairs_.clear();
  for (std::uint32_t a = 0; a < count; ++a) {
    const std::size_t first = pairs_.size();
    others_.clear();
    for (std::uint32_t b = a + 1; b < count; ++b) {
      if (holds(reach_, a, b) && holds(reach_, b, a)) continue;
      pairs_.push_back({0, a, b});
      others_.push_back(nodes_[b]);
    }
    if (others_.empty()) continue;
    scores_.resize(others_.size());
    rows_.scorer_of(nodes_[a], buffer_)(others_.data(), others_.size(), scores_.data());
    for (std::size_t i = 0; i < others_.size(); ++i) pairs_[first + i].score = scores_[i];
  }
  std::sort(pairs_.begin(), pairs_.end());
}

void Neighbourhood::link(std::size_t from, std::size_t to, std::size_t count,
                         std::vector<Link>& missing) {
  if (holds(reach_, from, to)) return;
  missing.push_back({nodes_[from], nodes_[to]});
  set(linked_, from, to);
  for (std::size_t i = 0; i < count; ++i)
    if (holds(reach_, i, from)) join(i, to);
}

}  // namespace vecinal
