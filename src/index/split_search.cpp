// Searching a VectorIndex of the split layout: queries of a thread take turns, so that what one of
// them waits for comes from memory while another computes.
#include <utility>

#include "index/searcher.hpp"

namespace vecinal {

bool VectorIndex::Searcher::start_split(SplitLane& lane, Worker& worker) const {
  if (deadline.passed()) return false;
  Scorer scorer = rows.walked().scorer(worker.queries.walked[worker.at(lane.number)], lane.buffer);
  scorer.rows.padded_dim = walk_dim;
  lane.walk.scratch.deadline = deadline;
  lane.walk.begin(graph, scorer, breadth);
  return true;
}

void VectorIndex::Searcher::finish_split(SplitLane& lane, Worker& worker,
                                         std::vector<std::uint8_t>& open) const {
  WalkScratch& done = lane.walk.scratch;
  collect(done.pool, worker.found);
  rerank(lane.number, lane.walk.query(), worker);
  finish(lane.number, worker.found, worker.best);
  worker.walk.hops += std::exchange(done.hops, 0);
  worker.walk.distances += std::exchange(done.distances, 0);
  bool closed = answered(lane.number) || deadline.passed();
  if (!closed && !allowed.everything)
    closed = walk_graph(Plan::inside, lane.number, worker) || deadline.passed();
  open[lane.number] = closed ? 0 : 1;
}

void VectorIndex::Searcher::walk_split(std::size_t begin, std::size_t end, Worker& worker,
                                       std::vector<std::uint8_t>& open) const {
  worker.split_lanes.run(
      rows.walked(), begin, end, [&](SplitLane& lane) { return start_split(lane, worker); },
      [&](SplitLane& lane) { finish_split(lane, worker, open); });
}

}  // namespace vecinal
