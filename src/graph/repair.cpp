#include "graph/repair.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/parallel.hpp"

namespace vecinal {
namespace {

/// Removed nodes that are looked through for neighbours that stay, of one row.
constexpr std::size_t most_looked_through = 256;

bool contains(std::span<const Node> nodes, Node node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

/// Which parts of the tree have found together.
class Groups {
 public:
  explicit Groups(std::size_t count) : leaders_(count) {
    std::iota(leaders_.begin(), leaders_.end(), 0U);
  }
  std::uint32_t find(std::uint32_t group) {
    while (leaders_[group] != group) group = leaders_[group] = leaders_[leaders_[group]];
    return group;
  }
  void join(std::uint32_t a, std::uint32_t b) { leaders_[find(a)] = find(b); }

 private:
  std::vector<std::uint32_t> leaders_;
};

/// The subtree that a slot is in: of the root (0), or of orphan i (i + 1).
class Subtrees {
 public:
  Subtrees(const Graph& graph, std::span<const Slot> orphans)
      : graph_(graph), labels_(graph.parents().size(), unknown) {
    labels_[graph.root()] = 0;
    for (std::uint32_t i = 0; i < orphans.size(); ++i) labels_[orphans[i]] = i + 1;
  }

  std::uint32_t of(Slot slot) {
    path_.clear();
    for (; labels_[slot] == unknown; slot = graph_.parent(slot)) path_.push_back(slot);
    for (const Slot passed : path_) labels_[passed] = labels_[slot];
    return labels_[slot];
  }

 private:
  static constexpr std::uint32_t unknown = std::numeric_limits<std::uint32_t>::max();
  const Graph& graph_;
  std::vector<std::uint32_t> labels_;
  std::vector<Slot> path_;
};

}  // namespace

/// Scratch of one thread.
struct Repair::Worker {
  Worker(const Storage& rows, Geometry geometry) : selector(rows, geometry), buffer(rows) {}

  Selector selector;
  QueryBuffer buffer;
  std::vector<Node> kept;
  std::vector<Node> lost;
  std::vector<Node> near;  ///< neighbours of removed neighbours
  std::vector<Slot> slots;
  std::vector<float> scores;
  std::vector<Candidate> candidates;
};

Repair::Repair(Graph& graph, const Storage& rows, const BuildParams& params)
    : graph_(graph),
      rows_(rows),
      params_(params),
      undo_(graph),
      tree_(graph, undo_),
      words_((graph.size() + 63) / 64, 0) {
  for (unsigned i = 0; i < params.threads; ++i)
    workers_.push_back(std::make_unique<Worker>(rows, params.geometry));
  undo_.set_workers(params.threads);
}

Repair::~Repair() = default;

void Repair::run(std::span<const Slot> removed) {
  try {
    mark(removed);
    if (gone_.empty()) return;
    gone_nodes_.resize(graph_.levels());
    for (std::uint32_t level = graph_.levels(); level-- > 1;) {
      const Layer& layer = graph_.layer(level);
      for (Node node = 0; node < layer.size(); ++node)
        if (layer.slots()[node] != no_slot && is_gone(layer.slots()[node]))
          gone_nodes_[level].push_back(node);
      graph_.layer(level).expect_back(gone_nodes_[level].size());
    }
    if (leaves_nothing()) {
      graph_.set_root(no_slot);
      graph_.set_levels(0);
      return;
    }
    for (std::uint32_t level = graph_.levels(); level-- > 0;) repair_level(level);
    mend_tree();
    choose_start();
  } catch (...) {
    roll_back();
    throw;
  }
}

void Repair::mark(std::span<const Slot> removed) {
  std::vector<std::uint64_t> words(words_.size(), 0);
  for (const Slot slot : removed) words[slot / 64] |= std::uint64_t{1} << (slot % 64);
  std::vector<bool> seen(graph_.size(), false);
  for (const Slot slot : removed) {
    if (graph_.twin(slot) == no_slot)
      go(slot);
    else if (!seen[slot])
      leave_ring(slot, {words.data(), graph_.size()}, seen);
  }
  std::sort(gone_.begin(), gone_.end());
}

void Repair::go(Slot slot) {
  gone_.push_back(slot);
  words_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void Repair::leave_ring(Slot slot, BitmapView removed, std::vector<bool>& seen) {
  std::vector<Slot> ring;
  for (Slot at = slot; ring.empty() || at != slot; at = graph_.twin(at)) {
    ring.push_back(at);
    seen[at] = true;
  }
  const auto is_node = [&](Slot member) { return graph_.parent(member) != no_slot; };
  const auto is_removed = [&](Slot member) { return removed.contains(member); };
  std::rotate(ring.begin(), std::find_if(ring.begin(), ring.end(), is_node), ring.end());
  if (std::all_of(ring.begin(), ring.end(), is_removed)) {
    for (const Slot member : ring) go(member);
    return;
  }
  // Those that go still lead on, for searches that stand on them.
  std::vector<Slot> staying(1, ring.front());
  for (const Slot member : std::span(ring).subspan(1)) {
    if (is_removed(member))
      go(member);
    else
      staying.push_back(member);
  }
  for (std::size_t i = 0; i < staying.size(); ++i) {
    const Slot next = staying.size() == 1 ? no_slot : staying[(i + 1) % staying.size()];
    if (graph_.twin(staying[i]) == next) continue;
    undo_.note_twin(staying[i]);
    graph_.set_twin(staying[i], next);
  }
}

bool Repair::leaves_nothing() const {
  for (Slot slot = 0; slot < graph_.parents().size(); ++slot)
    if (graph_.parent(slot) != no_slot && !is_gone(slot)) return false;
  return true;
}

void Repair::repair_level(std::uint32_t level) {
  const LayerView layer = graph_.layer(level).view();
  const auto stays = [&](Node node) {
    const Slot slot = layer.slot(node);
    return slot != no_slot && !is_gone(slot);
  };
  parallel_for({.count = layer.count, .grain = 1024, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned worker) {
                 for (std::size_t i = begin; i < end; ++i) {
                   const auto node = static_cast<Node>(i);
                   const auto row = graph_.layer(level).row(node);
                   const bool whole = std::all_of(row.begin(), row.end(), stays);
                   if (!whole && stays(node)) repair_row(level, node, *workers_[worker], worker);
                 }
               });
}

void Repair::find_near(const LayerView& layer, Node node, Worker& worker) const {
  worker.kept.clear();
  worker.lost.clear();
  worker.near.clear();
  layer.for_links(node, [&](Node next) {
    (is_gone(layer.slot(next)) ? worker.lost : worker.kept).push_back(next);
  });
  // Where all of a neighbourhood goes, what lies behind it takes its place.
  const std::size_t direct = worker.lost.size();
  for (std::size_t i = 0; i < worker.lost.size(); ++i) {
    if (i >= direct && worker.near.size() >= direct) break;
    layer.for_links(worker.lost[i], [&](Node next) {
      if (!is_gone(layer.slot(next)))
        worker.near.push_back(next);
      else if (worker.lost.size() < most_looked_through && !contains(worker.lost, next))
        worker.lost.push_back(next);
    });
  }
  std::sort(worker.near.begin(), worker.near.end());
  worker.near.erase(std::unique(worker.near.begin(), worker.near.end()), worker.near.end());
  std::erase_if(worker.near,
                [&](Node next) { return next == node || contains(worker.kept, next); });
  worker.lost.resize(direct);
}

void Repair::repair_row(std::uint32_t level, Node node, Worker& worker, unsigned number) {
  Layer& layer = graph_.layer(level);
  const LayerView view = layer.view();
  find_near(view, node, worker);
  const std::size_t kept = worker.kept.size();
  worker.kept.insert(worker.kept.end(), worker.near.begin(), worker.near.end());
  worker.slots.clear();
  for (const Node next : worker.kept) worker.slots.push_back(view.slot(next));
  worker.scores.resize(worker.slots.size());
  rows_.scorer_of(view.slot(node), worker.buffer)(worker.slots.data(), worker.slots.size(),
                                                  worker.scores.data());
  worker.candidates.clear();
  // Rows that are filled up hold links that were pruned once, and are pruned again.
  const bool filled = level == 0 && params_.fill != 0;
  for (std::size_t i = 0; i < worker.kept.size(); ++i) {
    const bool keep = i < kept && (!filled || tree_.joins(worker.kept[i], node));
    worker.candidates.push_back({{worker.scores[i], worker.kept[i]}, keep});
  }
  std::sort(worker.candidates.begin(), worker.candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.scored < b.scored; });
  // Rows that shrank with every removal would cost recall in the end.
  const auto before = static_cast<std::uint32_t>(kept + worker.lost.size());
  const auto chosen =
      worker.selector.select(view, worker.candidates, layer.degree(),
                             level == 0 ? std::max(before, params_.refill()) : before);
  worker.kept.clear();
  for (const Scored& link : chosen) worker.kept.push_back(link.slot);
  undo_.note_row(level, node, number);
  layer.set_row(node, worker.kept);
}

std::vector<Slot> Repair::orphans() {
  std::vector<Slot> orphans;
  for (Slot slot = 0; slot < graph_.parents().size(); ++slot) {
    const Slot parent = graph_.parent(slot);
    if (parent != no_slot && !is_gone(slot) && is_gone(parent)) orphans.push_back(slot);
  }
  if (!is_gone(graph_.root())) return orphans;
  // One of the root's children, or of a subtree whose parent is gone too, takes its place.
  const auto child = std::find_if(orphans.begin(), orphans.end(), [&](Slot orphan) {
    return graph_.parent(orphan) == graph_.root();
  });
  const auto next = child == orphans.end() ? orphans.begin() : child;
  undo_.note_parent(*next);
  graph_.set_root(*next);
  orphans.erase(next);
  return orphans;
}

void Repair::mend_tree() {
  const std::vector<Slot> lone = orphans();
  Subtrees subtrees(graph_, lone);
  Groups groups(lone.size() + 1);
  std::vector<Slot> open(1, graph_.root());  // of the root's tree, all before `full` without room
  std::size_t full = 0;
  for (std::uint32_t i = 0; i < lone.size(); ++i) {
    const Slot orphan = lone[i];
    const auto row = graph_.layer(0).row(orphan);
    const std::vector<Slot> near(row.begin(), row.end());
    const auto adopted = std::find_if(near.begin(), near.end(), [&](Slot parent) {
      return groups.find(subtrees.of(parent)) != groups.find(i + 1) && tree_.adopt(orphan, parent);
    });
    if (adopted != near.end()) {
      groups.join(i + 1, subtrees.of(*adopted));
      continue;
    }
    for (; !tree_.adopt(orphan, open[full]); ++full)
      for (const Node next : graph_.layer(0).row(open[full]))
        if (graph_.parent(next) == open[full] && next != open[full]) open.push_back(next);
    groups.join(i + 1, 0);
  }
}

void Repair::choose_start() {
  std::uint32_t levels = graph_.levels();
  const auto all_gone = [&](std::uint32_t level) {
    const auto slots = graph_.layer(level).slots().view().first(graph_.layer(level).size());
    return std::all_of(slots.begin(), slots.end(),
                       [&](Slot slot) { return slot == no_slot || is_gone(slot); });
  };
  while (levels > 1 && all_gone(levels - 1)) --levels;
  Start start{levels, graph_.root()};
  if (levels > 1) {
    const GrowableArray<Slot>& slots = graph_.layer(levels - 1).slots();
    start.entry = 0;
    while (slots[start.entry] == no_slot || is_gone(slots[start.entry])) ++start.entry;
  }
  graph_.set_start(start);
}

void Repair::release() {
  for (const Slot slot : gone_) {
    graph_.layer(0).set_row(slot, {});
    graph_.set_parent(slot, no_slot);
    graph_.set_twin(slot, no_slot);
  }
  for (std::uint32_t level = 1; level < gone_nodes_.size(); ++level) {
    Layer& layer = graph_.layer(level);
    layer.give_back(gone_nodes_[level]);
    layer.clear_free();
    if (level >= graph_.levels()) layer.truncate(0);
  }
}

}  // namespace vecinal
