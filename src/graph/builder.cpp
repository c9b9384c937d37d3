#include "graph/builder_parts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/parallel.hpp"
#include "core/random.hpp"

namespace vecinal {
namespace {

bool nearer(const Candidate& a, const Candidate& b) { return a.scored < b.scored; }

}  // namespace

Builder::Builder(Graph& graph, const Storage& rows, const BuildParams& params)
    : graph_(graph),
      rows_(rows),
      params_(params),
      undo_(graph),
      tree_(graph, undo_),
      inserted_(graph.size() - params.free) {
  for (unsigned i = 0; i < params.threads; ++i)
    workers_.push_back(std::make_unique<Worker>(rows, walked(), params.geometry));
  undo_.set_workers(params.threads);
}

Builder::~Builder() = default;

std::uint32_t Builder::level_of(Slot slot) const {
  const double scale = 1.0 / std::log(static_cast<double>(graph_.degree()) / 2.0);
  const double level = -std::log(random_unit(params_.seed, Stream::levels, slot)) * scale;
  return static_cast<std::uint32_t>(std::min(level, static_cast<double>(max_levels - 1)));
}

std::vector<Slot> Builder::by_levels(std::span<const Slot> order) const {
  std::vector<std::uint8_t> levels(order.size());
  parallel_for({.count = order.size(), .grain = 4096, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i)
                   levels[i] = static_cast<std::uint8_t>(level_of(order[i]));
               });
  std::array<std::size_t, max_levels> counts{};
  for (const std::uint8_t level : levels) ++counts[level];
  std::array<std::size_t, max_levels> places{};
  for (std::size_t level = max_levels - 1; level > 0; --level)
    places[level - 1] = places[level] + counts[level];
  std::vector<Slot> sorted(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) sorted[places[levels[i]]++] = order[i];
  return sorted;
}

void Builder::insert(std::span<const Slot> order, const std::function<void(std::size_t)>& watch) {
  try {
    std::vector<Slot> slots = by_levels(order);
    graph_.grow(rows_.size());
    graph_.layer(0).publish(rows_.size());
    const std::size_t largest = std::max<std::size_t>(1, rows_.size() / 50);
    const std::size_t before = inserted_;
    while (inserted_ - before < slots.size()) {
      const std::size_t done = inserted_ - before;
      std::size_t size = std::clamp<std::size_t>(inserted_ / 16, 1, largest);
      if (level_of(slots[done]) >= graph_.levels())
        size = 1;  // it makes new levels, which the next ones must see
      const auto batch = std::span(slots).subspan(done, std::min(size, slots.size() - done));
      insert_batch(batch, [&](std::size_t in_batch) { watch(done + in_batch); });
    }
  } catch (...) {
    undo_.roll_back(graph_);
    throw;
  }
}

void Builder::insert_batch(std::span<const Slot> batch,
                           const std::function<void(std::size_t)>& watch) {
  insertions_.resize(batch.size());
  if (device_takes(batch)) {
    find_links_on_device(batch);
    watch(batch.size());
  } else {
    // Ranges are long enough for items to take turns, and of a small batch each thread has several.
    const std::size_t share = batch.size() / (std::size_t{8} * params_.threads);
    parallel_for(
        {.count = batch.size(),
         .grain = std::clamp<std::size_t>(share, 4, 32),
         .threads = params_.threads},
        [&](std::size_t begin, std::size_t end, unsigned worker) {
          for (std::size_t i = begin; i < end; ++i)
            insertions_[i].start(batch[i], level_of(batch[i]));
          find_links(std::span(insertions_).subspan(begin, end - begin), *workers_[worker]);
        },
        watch);
  }
  place(insertions_);
  if (on_device_) tell_device();
  inserted_ += batch.size();
}

void Builder::find_links(std::span<Insertion> insertions, Worker& worker) const {
  const GraphView view = graph_.view();
  if (view.empty()) return;
  std::size_t first = 0;  // of level 0: the others come before
  for (; first < insertions.size() && insertions[first].level > 0; ++first)
    find_links(insertions[first], worker);
  worker.lanes.run(
      walked(), first, insertions.size(),
      [&](SplitLane& lane) {
        lane.walk.begin(view, walked().scorer_of(insertions[lane.number].slot, lane.buffer),
                        {params_.beam, params_.beam});
        return true;
      },
      [&](SplitLane& lane) {
        choose_links(insertions[lane.number], 0, lane.walk.scratch.pool, worker);
      });
}

void Builder::find_links(Insertion& insertion, Worker& worker) const {
  const GraphView view = graph_.view();
  const Scorer scorer = walked().scorer_of(insertion.slot, worker.walk_buffer);
  Scored entry{0, view.entry()};
  entry.score = scorer(view.layers[view.levels - 1].slot(entry.slot));
  for (std::uint32_t level = view.levels; level-- > 0;) {
    const LayerView& layer = view.layers[level];
    if (level > insertion.level) {
      entry = descend(layer, scorer, entry, worker.walk);
    } else {
      walk(layer, scorer, entry, {params_.beam, params_.beam}, worker.walk);
      choose_links(insertion, level, worker.walk.pool, worker);
      entry = worker.walk.pool[0];
    }
    if (level > 0) entry.slot = layer.down[entry.slot];
  }
}

void Builder::choose_links(Insertion& insertion, std::uint32_t level, const Pool& found,
                           Worker& worker) const {
  const LayerView layer = graph_.layer(level).view();
  take_candidates(layer, insertion.slot, found, worker);
  if (level == 0) insertion.twin = find_twin(insertion.slot, worker);
  const auto chosen =
      worker.selector.select(layer, worker.candidates, layer.degree, level == 0 ? params_.fill : 0);
  insertion.links[level].assign(chosen.begin(), chosen.end());
}

void Builder::take_candidates(const LayerView& layer, Slot slot, const Pool& found,
                              Worker& worker) const {
  worker.candidates.clear();
  for (std::size_t i = 0; i < found.size(); ++i) worker.candidates.push_back({found[i]});
  if (params_.codes != nullptr) {
    worker.slots.clear();
    for (const Candidate& candidate : worker.candidates)
      worker.slots.push_back(layer.slot(candidate.scored.slot));
    worker.scores.resize(worker.slots.size());
    rows_.scorer_of(slot, worker.buffer)(worker.slots.data(), worker.slots.size(),
                                         worker.scores.data());
    for (std::size_t i = 0; i < worker.scores.size(); ++i)
      worker.candidates[i].scored.score = worker.scores[i];
    std::sort(worker.candidates.begin(), worker.candidates.end(), nearer);
  }
  worker.candidates.front().keep = true;
}

Slot Builder::find_twin(Slot slot, Worker& worker) const {
  const float self = rows_.scorer_of(slot, worker.buffer)(slot);
  for (const auto& [found, keep] : worker.candidates)
    if (found.score == self &&
        std::memcmp(rows_.row(found.slot), rows_.row(slot), rows_.row_bytes()) == 0)
      return found.slot;
  return no_slot;
}

void Builder::place(std::span<Insertion> batch) {
  std::uint32_t levels = graph_.levels();
  for (Insertion& insertion : batch) {
    insertion.nodes.assign(1, insertion.slot);
    note(insertion.slot);
    if (insertion.twin != no_slot) continue;
    levels = std::max(levels, insertion.level + 1);
    if (insertion.links[0].empty()) graph_.set_root(insertion.slot);
  }
  std::size_t count = batch.size();  // of those with this level: the batch is in order of levels
  for (std::uint32_t level = 0; level < levels; ++level) {
    while (count > 0 && batch[count - 1].level < level) --count;
    if (count != 0) place_level(batch.first(count), level);
  }
  for (const Insertion& insertion : batch)
    if (insertion.twin != no_slot) add_twin(insertion.twin, insertion.slot);
  graph_.set_levels(levels);
}

void Builder::note(Slot slot) {
  undo_.note_row(0, slot, 0);
  undo_.note_parent(slot);
  undo_.note_twin(slot);
}

void Builder::add_twin(Slot node, Slot slot) {
  note(slot);
  undo_.note_twin(node);
  graph_.add_twin(node, slot);
}

Node Builder::take_node(std::uint32_t level, std::size_t& count) {
  Layer& layer = graph_.layer(level);
  const Node free = layer.next_free();
  if (free == no_slot) return static_cast<Node>(count++);
  undo_.note_row(level, free, 0);
  undo_.note_taken(level, free);
  layer.take_free();
  return free;
}

void Builder::place_level(std::span<Insertion> batch, std::uint32_t level) {
  Layer& layer = graph_.layer(level);
  std::size_t count = layer.size();
  if (level > 0) {
    for (Insertion& insertion : batch)
      if (insertion.twin == no_slot) insertion.nodes.push_back(take_node(level, count));
    layer.grow(count);
  }
  std::size_t links = 0;
  for (const Insertion& insertion : batch) links += insertion.links[level].size();
  constexpr std::size_t chunk = 512;
  reverse_.start((batch.size() + chunk - 1) / chunk, links);
  parallel_for({.count = batch.size(), .grain = chunk, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 Worker& worker = *workers_[number];
                 set_rows(batch.subspan(begin, end - begin), level, worker);
                 reverse_.put(begin / chunk, worker.edges);
               });
  if (level > 0) layer.publish(count);
  if (links != 0) link_back(level);
  if (level == 0) adopt_orphans();
}

/// What they chose becomes their rows and, the other way round, worker.edges.
void Builder::set_rows(std::span<Insertion> insertions, std::uint32_t level, Worker& worker) {
  Layer& layer = graph_.layer(level);
  worker.edges.clear();
  for (const Insertion& insertion : insertions) {
    if (insertion.twin != no_slot) continue;
    const Node node = insertion.nodes[level];
    if (level > 0) layer.place(node, insertion.slot, insertion.nodes[level - 1]);
    worker.row.clear();
    for (const Scored& link : insertion.links[level]) {
      worker.edges.push_back({link.slot, link.score, node, level == 0 && worker.row.empty()});
      worker.row.push_back(link.slot);
    }
    layer.set_row(node, worker.row);
  }
}

void Builder::link_back(std::uint32_t level) {
  parallel_for({.count = reverse_.buckets(), .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 std::vector<ReverseLink>& edges = workers_[number]->edges;
                 for (std::size_t bucket = begin; bucket < end; ++bucket) {
                   reverse_.gather(bucket, edges);
                   for (std::size_t i = 0, next = 0; i < edges.size(); i = next) {
                     while (next < edges.size() && edges[next].target == edges[i].target) ++next;
                     apply(level, std::span(edges).subspan(i, next - i), number);
                   }
                 }
               });
  if (level == 0 && on_device_) prune_on_device();
}

void Builder::apply(std::uint32_t level, std::span<ReverseLink> edges, unsigned worker_index) {
  Worker& worker = *workers_[worker_index];
  const Node target = edges.front().target;
  undo_.note_row(level, target, worker_index);
  if (level == 0 && on_device_) worker.touched.push_back(target);
  if (add_links(level, edges, worker)) return;
  const std::size_t candidates = graph_.layer(level).row(target).size() + edges.size();
  if (level == 0 && on_device_ && candidates <= params_.device->max_candidates())
    leave_to_device(edges, worker);
  else
    prune(level, edges, worker);
}

bool Builder::add_links(std::uint32_t level, std::span<ReverseLink> edges, Worker& worker) {
  Layer& layer = graph_.layer(level);
  const Node target = edges.front().target;
  const auto row = layer.row(target);
  const bool tree = level == 0;
  std::uint32_t child_count = tree ? tree_.children(target) : 0;
  for (ReverseLink& edge : edges) {
    if (!edge.adopt) continue;
    edge.adopt = child_count < tree_.most_children();
    if (edge.adopt) {
      graph_.set_parent(edge.source, target);
      ++child_count;
    } else {
      worker.orphans.push_back(edge.source);
    }
  }
  if (row.size() + edges.size() > layer.degree()) return false;
  worker.row.assign(row.begin(), row.end());
  for (const ReverseLink& edge : edges) worker.row.push_back(edge.source);
  layer.set_row(target, worker.row);
  return true;
}

void Builder::prune(std::uint32_t level, std::span<const ReverseLink> edges, Worker& worker) {
  Layer& layer = graph_.layer(level);
  const Node target = edges.front().target;
  const auto row = layer.row(target);
  const bool tree = level == 0;
  const LayerView view = layer.view();
  worker.slots.clear();
  for (const Node node : row) worker.slots.push_back(view.slot(node));
  worker.scores.resize(row.size());
  rows_.scorer_of(view.slot(target), worker.buffer)(worker.slots.data(), row.size(),
                                                    worker.scores.data());
  worker.candidates.clear();
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool keep = tree && tree_.joins(row[i], target);
    worker.candidates.push_back({{worker.scores[i], row[i]}, keep});
  }
  for (const ReverseLink& edge : edges)
    worker.candidates.push_back({{edge.score, edge.source}, edge.adopt});
  std::sort(worker.candidates.begin(), worker.candidates.end(), nearer);
  const auto chosen =
      worker.selector.select(view, worker.candidates, layer.degree(), tree ? params_.refill() : 0);
  worker.row.clear();
  for (const Scored& link : chosen) worker.row.push_back(link.slot);
  layer.set_row(target, worker.row);
}

void Builder::adopt_orphans() {
  std::vector<Slot> orphans;
  for (auto& worker : workers_) {
    orphans.insert(orphans.end(), worker->orphans.begin(), worker->orphans.end());
    worker->orphans.clear();
  }
  std::sort(orphans.begin(), orphans.end());
  for (const Slot orphan : orphans) {
    const auto row = graph_.layer(0).row(orphan);
    const std::vector<Node> chosen(row.begin(), row.end());
    tree_.adopt_below(orphan, chosen);
  }
  const std::vector<Node> changed = tree_.take_changed();
  if (on_device_) moved_.insert(moved_.end(), changed.begin(), changed.end());
}

}  // namespace vecinal
