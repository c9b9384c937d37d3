#include "graph/walk.hpp"

#include <algorithm>

#include "core/cache_lines.hpp"

namespace vecinal {
const Slot* collect_fresh(const LayerView& layer, Node node, WalkScratch& scratch) {
  std::size_t count = 0;
  if (scratch.fresh.size() < layer.degree) {
    scratch.fresh.resize(layer.degree);
    scratch.fresh_slots.resize(layer.degree);
    scratch.scores.resize(layer.degree);
  }
  Node* fresh = scratch.fresh.data();
  const VisitedSet::Inserter insert(scratch.visited);
  layer.for_links(node, [&](Node next) {
    fresh[count] = next;
    count += insert(next) ? 1U : 0U;
  });
  scratch.fresh_count = count;
  scratch.hops += 1;
  scratch.distances += count;
  if (layer.slots == nullptr) return fresh;
  for (std::size_t i = 0; i < count; ++i) scratch.fresh_slots[i] = layer.slots[fresh[i]];
  return scratch.fresh_slots.data();
}

void expand(const LayerView& layer, const Scorer& scorer, Node node, WalkScratch& scratch) {
  const Slot* slots = collect_fresh(layer, node, scratch);
  scorer(slots, scratch.fresh_count, scratch.scores.data());
}

void offer_fresh(WalkScratch& scratch) {
  // Without branches: which of them pass is not predictable.
  Pool& pool = scratch.pool;
  const float limit = pool.limit();
  Node* const nodes = scratch.fresh.data();
  float* const scores = scratch.scores.data();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < scratch.fresh_count; ++i) {
    nodes[kept] = nodes[i];
    scores[kept] = scores[i];
    kept += scores[i] <= limit ? 1U : 0U;
  }
  scratch.fresh_count = kept;
  for (std::size_t i = 0; i < kept; ++i) pool.insert(scores[i], nodes[i]);
}

void fetch_links(const LayerView& layer, Node node) {
  prefetch_lines(layer.row(node), layer.degree * sizeof(Node));
}

void walk(const LayerView& layer, const Scorer& scorer, Scored entry, Breadth breadth,
          WalkScratch& scratch) {
  Pool& pool = scratch.pool;
  pool.reset(breadth.window, breadth.capacity);
  scratch.visited.reset(layer.count);
  scratch.visited.insert(entry.slot);
  pool.insert(entry.score, entry.slot);
  for (Scored best = pool.pop(); best.slot != no_slot; best = pool.pop()) {
    if (scratch.deadline.passed()) return;
    expand(layer, scorer, best.slot, scratch);
    offer_fresh(scratch);
    if (const Node next = pool.peek(); next != no_slot) fetch_links(layer, next);
  }
}

Scored descend(const LayerView& layer, const Scorer& scorer, Scored entry, WalkScratch& scratch) {
  scratch.visited.reset(layer.count);
  scratch.visited.insert(entry.slot);
  for (Scored best = entry;; entry = best) {
    expand(layer, scorer, best.slot, scratch);
    for (std::size_t i = 0; i < scratch.fresh_count; ++i)
      best = std::min(best, Scored{scratch.scores[i], scratch.fresh[i]});
    if (best == entry) return best;
  }
}

Scored descend_to_base(const GraphView& graph, const Scorer& scorer, WalkScratch& scratch) {
  Scored entry{0, graph.entry()};
  entry.score = scorer(graph.layers[graph.levels - 1].slot(entry.slot));
  for (std::uint32_t level = graph.levels - 1; level > 0; --level) {
    entry = descend(graph.layers[level], scorer, entry, scratch);
    entry.slot = graph.layers[level].down[entry.slot];
  }
  return entry;
}

}  // namespace vecinal
