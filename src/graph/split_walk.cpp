#include "graph/split_walk.hpp"

#include <algorithm>

namespace vecinal {

void SplitWalk::begin(const GraphView& graph, const Scorer& scorer, Breadth breadth) {
  graph_ = &graph;
  scorer_ = scorer;
  breadth_ = breadth;
  const std::uint32_t top = graph.levels - 1;
  enter(top, {scorer(graph.layers[top].slot(graph.entry())), graph.entry()});
}

void SplitWalk::enter(std::uint32_t level, Scored entry) {
  const LayerView& layer = graph_->layers[level];
  level_ = level;
  best_ = entry;
  node_ = entry.slot;
  scratch.visited.reset(layer.count);
  scratch.visited.insert(entry.slot);
  if (level == 0) {
    scratch.pool.reset(breadth_.window, breadth_.capacity);
    scratch.pool.insert(entry.score, entry.slot);
    node_ = scratch.pool.pop().slot;
  }
  fetch_links(layer, node_);
}

void SplitWalk::collect() { slots_ = collect_fresh(graph_->layers[level_], node_, scratch); }

void SplitWalk::score(const SplitWalk* ahead) {
  Scorer scorer = scorer_;
  if (ahead != nullptr) {
    scorer.rows.then = ahead->slots_;
    scorer.rows.then_count = ahead->scratch.fresh_count;
  }
  scorer(slots_, scratch.fresh_count, scratch.scores.data());
  choose();
}

void SplitWalk::choose() {
  const LayerView& layer = graph_->layers[level_];
  if (level_ == 0) {
    offer_fresh(scratch);
    node_ = scratch.deadline.passed() ? no_slot : scratch.pool.pop().slot;
    if (node_ != no_slot) fetch_links(layer, node_);
    return;
  }
  Scored best = best_;
  for (std::size_t i = 0; i < scratch.fresh_count; ++i)
    best = std::min(best, Scored{scratch.scores[i], scratch.fresh[i]});
  if (best == best_) return enter(level_ - 1, {best.score, layer.down[best.slot]});
  best_ = best;
  node_ = best.slot;
  fetch_links(layer, node_);
}

}  // namespace vecinal
