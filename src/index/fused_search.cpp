// Searching a VectorIndex of the fused layout: queries of a thread take turns, so that the row one
// of them waits for comes from memory while another computes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "graph/fused_walk.hpp"
#include "index/geometry.hpp"
#include "index/searcher.hpp"

namespace vecinal {
namespace {

/// Queries that take turns on a thread: enough to hide a memory access, few enough for their pools
/// to stay in the first cache. docs/search-engine.md has the measurement.
constexpr std::size_t most_lanes = 4;

/// A walk that ends with less than k answers is taken again, with twice the beam up to this one.
constexpr std::size_t widest = 1000;

}  // namespace

std::span<Scored> VectorIndex::Searcher::add_rows(std::span<const Scored> nodes,
                                                  Worker& worker) const {
  const std::size_t before = worker.found.size();
  for (const Scored& node : nodes)
    graph.for_twins(node.slot, [&](Slot slot) {
      if (allows(slot)) worker.found.push_back({node.score, slot});
    });
  return std::span(worker.found).subspan(before);
}

void VectorIndex::Searcher::rank_fused(FusedLane& lane, Worker& worker) const {
  // Where the walked rows rank, nothing behind the k-th best node is an answer.
  const std::vector<Scored>& best = lane.walk.best();
  worker.found.clear();
  const std::span<Scored> first = add_rows(best, worker);
  if (!rows.two()) return;
  const Scorer scorer = ranker(lane.query, lane.walk.query(), worker);
  // The k best show how far off the walked rows' scores are; what is farther behind than a few
  // times that is no answer.
  constexpr double deviations = 3;
  double squared = 0;
  float kth = -std::numeric_limits<float>::infinity();
  const std::span<const float> scores = worker.rank(first, scorer);
  for (std::size_t i = 0; i < first.size(); ++i) {
    const auto error = static_cast<double>(scores[i] - first[i].score);
    squared += error * error;
    kth = std::max(kth, scores[i]);
    first[i].score = scores[i];
  }
  const double error = first.empty() ? 0 : std::sqrt(squared / static_cast<double>(first.size()));
  const float limit = first.empty() ? std::numeric_limits<float>::infinity()
                                    : kth + static_cast<float>(deviations * error);
  lane.others.clear();
  for (const Scored& node : lane.walk.found())
    if (best.back() < node && node.score <= limit) lane.others.push_back(node);
  const std::span<Scored> others = add_rows(lane.others, worker);
  const std::span<const float> other_scores = worker.rank(others, scorer);
  for (std::size_t i = 0; i < others.size(); ++i) others[i].score = other_scores[i];
}

bool VectorIndex::Searcher::take_turn(FusedLane& lane, const std::byte* ahead,
                                      Worker& worker) const {
  // Each stage but the last ends by asking for memory, for which the others' turns make time.
  switch (lane.stage) {
    case FusedLane::Stage::walking:
      if (!deadline.passed() && lane.walk.step(ahead)) return true;
      lane.stage = FusedLane::Stage::resting;
      if (lane.walk.choose_rest() != 0) return true;
      [[fallthrough]];
    case FusedLane::Stage::resting:
      lane.walk.score_rest();
      lane.stage = FusedLane::Stage::ranking;
      if (rows.two()) {
        for (const Scored& node : lane.walk.best()) rows.ranking().prefetch(node.slot);
        return true;
      }
      [[fallthrough]];
    case FusedLane::Stage::ranking:
      rank_fused(lane, worker);
      finish(lane.query, worker.found, worker.best);
      break;
  }
  return false;
}

void VectorIndex::Searcher::start_fused(FusedLane& lane, std::size_t query, std::size_t beam,
                                        Worker& worker) const {
  lane.busy = true;
  lane.stage = FusedLane::Stage::walking;
  lane.query = query;
  lane.beam = beam;
  const std::size_t capacity = std::max(beam, breadth.capacity);
  lane.walk.begin(rows.walked(), rows.fused()->view(), graph,
                  worker.queries.walked[worker.at(query)],
                  {.k = params.k,
                   .beam = beam,
                   .capacity = capacity * slots() / allowed.count,
                   .gamma = breadth.gamma,
                   .accepted = allowed.everything ? nullptr : &wanted.nodes,
                   .shift = geometry_of(index.config_).shift});
}

bool VectorIndex::Searcher::walk_again(FusedLane& lane, Worker& worker,
                                       std::vector<std::uint8_t>& open) const {
  if (deadline.passed()) {
    open[lane.query] = 0;
    return false;
  }
  const bool enough = answered(lane.query);
  if (allowed.unfiltered) {
    open[lane.query] = enough ? 0 : 1;
    if (enough || lane.beam >= widest) return false;
    start_fused(lane, lane.query, 2 * lane.beam, worker);
    return true;
  }
  // Where the nearest rows are mostly rejected, the pool may have been full of them before the walk
  // came to what is allowed.
  constexpr double least = 0.5;
  const bool on_course = lane.walk.accepted_share() >= least * wanted.share;
  open[lane.query] = (enough && on_course) || walk_graph(Plan::bridge, lane.query, worker) ? 0 : 1;
  return false;
}

void VectorIndex::Searcher::walk_fused(std::size_t begin, std::size_t end, Worker& worker,
                                       std::vector<std::uint8_t>& open) const {
  while (worker.lanes.size() < std::min(most_lanes, end - begin))
    worker.lanes.push_back(std::make_unique<FusedLane>(rows.walked()));
  std::size_t next = begin;
  std::size_t busy = 0;
  const std::byte* ahead = nullptr;  // of the query whose turn was last: its next row comes while
                                     // others compute, or, where it is alone, the one after it
  const auto start_next = [&](FusedLane& lane) {
    lane.busy = next < end && !deadline.passed();
    if (!lane.busy) return;
    ++busy;
    start_fused(lane, next++, breadth.window, worker);
  };
  for (auto& lane : worker.lanes) {
    start_next(*lane);
    if (lane->busy) lane->walk.fetch();
  }
  while (busy != 0)
    for (auto& each : worker.lanes) {
      FusedLane& lane = *each;
      if (!lane.busy) continue;
      if (!take_turn(lane, ahead, worker)) {
        if (!walk_again(lane, worker, open)) {
          --busy;
          start_next(lane);
        }
      }
      ahead = busy == 1 ? lane.walk.fetch_two() : lane.walk.next_row();
    }
  for (auto& lane : worker.lanes) {
    worker.walk.hops += std::exchange(lane->walk.hops, 0);
    worker.walk.distances += std::exchange(lane->walk.distances, 0);
  }
}

}  // namespace vecinal
