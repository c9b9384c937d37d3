#include "graph/refiner.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/parallel.hpp"
#include "graph/fused_walk.hpp"
#include "graph/split_lanes.hpp"

namespace vecinal {
namespace {

bool holds(std::span<const Node> row, Node node) {
  return std::find(row.begin(), row.end(), node) != row.end();
}

}  // namespace

struct Refiner::Worker {
  Worker(const Storage& rows, Geometry geometry)
      : fused(rows), selector(rows, geometry), buffer(rows), values(rows.padded_dim()) {}

  SplitLanes lanes;
  FusedWalk fused;
  Selector selector;
  QueryBuffer buffer;
  AlignedFloats values;
  std::vector<Candidate> candidates;
  std::vector<Slot> slots;
  std::vector<float> scores;
  std::vector<Node> row;
};

Refiner::Refiner(Graph& graph, const Storage& rows, const RefinerParams& params)
    : graph_(graph), rows_(rows), params_(params), undo_(graph), tree_(graph, undo_) {
  for (unsigned i = 0; i < params.threads; ++i)
    workers_.push_back(std::make_unique<Worker>(rows, params.geometry));
  undo_.set_workers(params.threads);
  for (Slot slot = 0; slot < graph.size(); ++slot)
    if (graph.parent(slot) != no_slot) nodes_.push_back(slot);
  chosen_.resize(graph.size() * graph.degree());
}

Refiner::~Refiner() = default;

void Refiner::choose(const FusedView* fused, const std::function<void(std::size_t)>& watch) {
  parallel_for(
      {.count = nodes_.size(), .grain = 16, .threads = params_.threads},
      [&](std::size_t begin, std::size_t end, unsigned number) {
        if (fused == nullptr) return choose_by_rows(begin, end, *workers_[number]);
        for (std::size_t i = begin; i < end; ++i) {
          find(nodes_[i], *fused, *workers_[number]);
          choose_links(nodes_[i], *workers_[number]);
        }
      },
      watch);
}

void Refiner::choose_by_rows(std::size_t begin, std::size_t end, Worker& worker) {
  const GraphView view = graph_.view();
  worker.lanes.run(
      rows_, begin, end,
      [&](SplitLane& lane) {
        lane.walk.begin(view, rows_.scorer_of(nodes_[lane.number], lane.buffer),
                        {params_.beam, params_.beam});
        return true;
      },
      [&](SplitLane& lane) {
        const Pool& pool = lane.walk.scratch.pool;
        worker.candidates.clear();
        for (std::size_t i = 0; i < pool.size(); ++i) worker.candidates.push_back({pool[i]});
        choose_links(nodes_[lane.number], worker);
      });
}

void Refiner::find(Node node, const FusedView& fused, Worker& worker) const {
  const GraphView view = graph_.view();
  worker.candidates.clear();
  rows_.decode(node, worker.values.data(), nullptr);
  const Query query{worker.values.data(), rows_.format().origin + rows_.bias(node)};
  // Half of them are expanded, the others are the best of those seen on the way.
  worker.fused.begin(rows_, fused, view, query,
                     {.k = params_.beam,
                      .beam = (params_.beam + 1) / 2,
                      .capacity = params_.beam,
                      .gamma = std::numeric_limits<float>::infinity()});
  while (worker.fused.step(worker.fused.fetch_two()))
    ;
  worker.fused.choose_rest();
  worker.fused.score_rest();
  for (const Scored& found : worker.fused.found()) worker.candidates.push_back({found});
}

void Refiner::choose_links(Node node, Worker& worker) {
  const auto row = graph_.layer(0).row(node);
  std::erase_if(worker.candidates, [&](const Candidate& candidate) {
    return candidate.scored.slot == node || holds(row, candidate.scored.slot);
  });
  worker.slots.assign(row.begin(), row.end());
  worker.scores.resize(row.size());
  const Scorer scorer = rows_.scorer_of(node, worker.buffer);
  scorer(worker.slots.data(), row.size(), worker.scores.data());
  for (std::size_t i = 0; i < row.size(); ++i)
    worker.candidates.push_back({{worker.scores[i], row[i]}, tree_.joins(row[i], node)});
  const std::span<const Scored> chosen = select(worker);
  const std::span<Scored> to = places(node);
  const auto end = std::copy(chosen.begin(), chosen.end(), to.begin());
  std::fill(end, to.end(), Scored{0, no_slot});
}

std::span<const Scored> Refiner::select(Worker& worker) const {
  std::sort(worker.candidates.begin(), worker.candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.scored < b.scored; });
  return worker.selector.select(graph_.layer(0).view(), worker.candidates, graph_.degree(),
                                params_.fill);
}

void Refiner::sort_offers() {
  // Counting sort: how many for each slot, where they begin, and each in its place; while they are
  // placed, offers_begin_[slot + 1] is where the slot's next one goes.
  offers_begin_.assign(graph_.size() + 2, 0);
  const auto for_links = [&](auto&& use) {
    for (const Node node : nodes_)
      for (const Scored& link : places(node))
        if (link.slot != no_slot) use(node, link);
  };
  for_links([&](Node, const Scored& link) { ++offers_begin_[link.slot + std::size_t{2}]; });
  std::partial_sum(offers_begin_.begin(), offers_begin_.end(), offers_begin_.begin());
  offers_.resize(offers_begin_.back());
  for_links([&](Node node, const Scored& link) {
    offers_[offers_begin_[link.slot + std::size_t{1}]++] = {link.score, node};
  });
}

void Refiner::apply() {
  sort_offers();
  parallel_for({.count = nodes_.size(), .grain = 64, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 for (std::size_t i = begin; i < end; ++i) {
                   undo_.note_row(0, nodes_[i], number);
                   join(nodes_[i], *workers_[number]);
                 }
               });
}

void Refiner::join(Node node, Worker& worker) {
  worker.row.clear();
  worker.candidates.clear();
  for (const Scored& link : places(node)) {
    if (link.slot == no_slot) break;
    worker.row.push_back(link.slot);
    worker.candidates.push_back({link, tree_.joins(link.slot, node)});
  }
  for (const Scored& offer : offers(node)) {
    if (holds(worker.row, offer.slot)) continue;
    worker.candidates.push_back({offer, tree_.joins(offer.slot, node)});
  }
  const std::size_t own = worker.row.size();
  if (worker.candidates.size() <= graph_.degree()) {
    for (const Candidate& candidate : std::span(worker.candidates).subspan(own))
      worker.row.push_back(candidate.scored.slot);
  } else {
    worker.row.clear();
    for (const Scored& link : select(worker)) worker.row.push_back(link.slot);
  }
  graph_.layer(0).set_row(node, worker.row);
}

}  // namespace vecinal
