/// Walks of one thread that take turns: while one scores the rows of its node's neighbours, the
/// rows of the next are fetched, and the links of those behind.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "graph/split_walk.hpp"

namespace vecinal {

/// A walk, and what it needs of its query.
struct SplitLane {
  explicit SplitLane(const Storage& rows) : buffer(rows) {}

  SplitWalk walk;
  QueryBuffer buffer;
  std::size_t number = 0;  ///< of the query
};

class SplitLanes {
 public:
  /// Walks for the queries begin .. end - 1. start(lane) begins lane.walk for lane.number, or
  /// returns false: then no other one is started. finish(lane) takes what the walk has found.
  template <class Start, class Finish>
  void run(const Storage& rows, std::size_t begin, std::size_t end, Start start, Finish finish);

 private:
  /// Enough to hide a memory access; more crowd the first cache with visited nodes.
  /// docs/benchmarks-avx512.md has the measurement.
  static constexpr std::size_t most = 3;

  std::vector<std::unique_ptr<SplitLane>> lanes_;
  std::vector<SplitLane*> busy_;
};

template <class Start, class Finish>
void SplitLanes::run(const Storage& rows, std::size_t begin, std::size_t end, Start start,
                     Finish finish) {
  const auto start_next = [&](SplitLane& lane) {
    lane.number = begin;
    if (begin == end || !start(lane)) return false;
    ++begin;
    return true;
  };
  busy_.clear();
  while (lanes_.size() < std::min(most, end - begin))
    lanes_.push_back(std::make_unique<SplitLane>(rows));
  for (const auto& lane : lanes_)
    if (start_next(*lane)) busy_.push_back(lane.get());
  if (!busy_.empty()) busy_.front()->walk.collect();
  for (std::size_t turn = 0; !busy_.empty();) {
    SplitLane& lane = *busy_[turn];
    SplitLane& after = *busy_[(turn + 1) % busy_.size()];
    const bool alone = busy_.size() == 1;
    if (!alone) after.walk.collect();
    lane.walk.score(alone ? nullptr : &after.walk);
    if (lane.walk.over()) {
      finish(lane);
      if (!start_next(lane)) {
        busy_.erase(busy_.begin() + static_cast<std::ptrdiff_t>(turn));
        if (turn == busy_.size()) turn = 0;
        continue;  // with the one after it, which has collected
      }
    }
    if (alone) lane.walk.collect();
    turn = (turn + 1) % busy_.size();
  }
}

}  // namespace vecinal
