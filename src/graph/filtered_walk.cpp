#include "graph/filtered_walk.hpp"

#include <algorithm>

#include "core/cache_lines.hpp"

namespace vecinal {
namespace {

/// The nodes that are still to be expanded, the nearest first.
class Frontier {
 public:
  explicit Frontier(std::vector<Scored>& heap) : heap_(heap) { heap_.clear(); }

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] float nearest() const { return heap_.front().score; }

  void push(Scored node) {
    heap_.push_back(node);
    std::push_heap(heap_.begin(), heap_.end(), farther);
  }

  Node pop() {
    std::pop_heap(heap_.begin(), heap_.end(), farther);
    const Node node = heap_.back().slot;
    heap_.pop_back();
    return node;
  }

 private:
  static bool farther(const Scored& a, const Scored& b) { return b < a; }
  std::vector<Scored>& heap_;
};

/// Share of accepted nodes among the neighbours of a node's neighbours.
double share_around(const LayerView& layer, Node node, BitmapView accepted) {
  std::size_t met = 0;
  std::size_t looked_at = 0;
  layer.for_links(node, [&](Node neighbour) {
    layer.for_links(neighbour, [&](Node next) {
      met += accepts(accepted, next) ? 1U : 0U;
      ++looked_at;
    });
  });
  return looked_at == 0 ? 1 : static_cast<double>(met) / static_cast<double>(looked_at);
}

/// One walk over bridges.
class BridgeWalk {
 public:
  BridgeWalk(const LayerView& layer, const Scorer& scorer, BitmapView accepted,
             WalkScratch& scratch)
      : layer_(layer),
        scorer_(scorer),
        accepted_(accepted),
        scratch_(scratch),
        frontier_(scratch.frontier) {
    scratch.visited.reset(layer.count);
    scratch.bridges.resize(layer.degree);
  }

  void start(Node entry, std::span<const Slot> seeds) {
    const std::size_t room = std::max(most_looked_for + 2 * layer_.degree, seeds.size() + 1);
    if (scratch_.fresh.size() < room) {
      scratch_.fresh.resize(room);
      scratch_.fresh_slots.resize(room);
      scratch_.scores.resize(room);
    }
    for (const Slot seed : seeds)
      if (accepts(accepted_, seed)) add(seed);
    if (accepts(accepted_, entry)) add(entry);
    score();
    look_around(entry);
  }

  [[nodiscard]] bool stuck() const { return frontier_.empty(); }
  [[nodiscard]] bool goes_on() const {
    return !stuck() && scratch_.pool.admits(frontier_.nearest());
  }
  void step() { look_around(frontier_.pop()); }

 private:
  /// With so many accepted neighbours a node needs no bridges.
  static constexpr std::size_t enough = 8;
  /// Bridges are crossed until so many were found.
  static constexpr std::size_t most_looked_for = 16;

  void add(Node node) {
    // Without a branch: whether a node is new is not predictable.
    scratch_.fresh[count_] = node;
    count_ += scratch_.visited.insert(node) ? 1U : 0U;
  }

  void look_around(Node node) {
    std::size_t bridges = 0;
    layer_.for_links(node, [&](Node next) {
      if (accepts(accepted_, next)) return add(next);
      scratch_.bridges[bridges] = next;
      bridges += scratch_.visited.insert(next) ? 1U : 0U;
    });
    if (count_ < enough) cross({scratch_.bridges.data(), bridges});
    score();
    scratch_.hops += 1;
  }

  /// The nearest bridges come first, as links do.
  void cross(std::span<const Node> bridges) {
    constexpr std::size_t ahead = 6;
    const auto prefetch = [&](std::size_t i) {
      if (i < bridges.size()) prefetch_lines(layer_.row(bridges[i]), layer_.degree * sizeof(Node));
    };
    for (std::size_t i = 0; i < ahead; ++i) prefetch(i);
    for (std::size_t i = 0; i < bridges.size() && count_ < most_looked_for; ++i) {
      prefetch(i + ahead);
      layer_.for_links(bridges[i], [&](Node next) {
        if (accepts(accepted_, next)) add(next);
      });
    }
  }

  void score() {
    scorer_(scratch_.fresh.data(), count_, scratch_.scores.data());
    scratch_.distances += count_;
    for (std::size_t i = 0; i < count_; ++i) {
      const float score = scratch_.scores[i];
      if (!scratch_.pool.admits(score)) continue;
      frontier_.push({score, scratch_.fresh[i]});
      scratch_.pool.insert(score, scratch_.fresh[i]);
    }
    count_ = 0;
  }

  const LayerView& layer_;
  const Scorer& scorer_;
  BitmapView accepted_;
  WalkScratch& scratch_;
  Frontier frontier_;
  std::size_t count_ = 0;  ///< nodes of scratch_.fresh to be scored
};

}  // namespace

bool walk_inside(const LayerView& layer, const Scorer& scorer, Scored entry, Breadth breadth,
                 const Accepted& accepted, WalkScratch& scratch) {
  Pool& pool = scratch.pool;
  Frontier frontier(scratch.frontier);
  const auto offer = [&](Scored node) {
    if (!pool.admits(node.score)) return;
    frontier.push(node);
    if (accepts(accepted.nodes, node.slot)) pool.insert(node.score, node.slot);
  };
  pool.reset(breadth.capacity, breadth.capacity);
  scratch.visited.reset(layer.count);
  scratch.visited.insert(entry.slot);
  offer(entry);
  const std::uint64_t last = scratch.distances + accepted.budget;
  while (!frontier.empty() && pool.admits(frontier.nearest())) {
    if (scratch.deadline.passed()) return true;
    expand(layer, scorer, frontier.pop(), scratch);
    for (std::size_t i = 0; i < scratch.fresh_count; ++i)
      offer({scratch.scores[i], scratch.fresh[i]});
    if (scratch.distances > last) return false;
  }
  return true;
}

bool walk_bridges(const LayerView& layer, const Scorer& scorer, Scored entry, Breadth breadth,
                  const Accepted& accepted, WalkScratch& scratch) {
  const bool far = share_around(layer, entry.slot, accepted.nodes) < 0.5 * accepted.share;
  const std::size_t capacity = (far ? 2 : 1) * breadth.capacity;
  scratch.pool.reset(capacity, capacity);
  BridgeWalk walk(layer, scorer, accepted.nodes, scratch);
  const std::uint64_t last = scratch.distances + accepted.budget;
  walk.start(entry.slot, accepted.seeds);
  while (walk.goes_on()) {
    if (scratch.deadline.passed()) return true;
    walk.step();
    if (scratch.distances > last) return false;
  }
  return scratch.pool.full() || !walk.stuck();
}

}  // namespace vecinal
