/// One search call of a VectorIndex, noted whole at its start.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backend/scan.hpp"
#include "core/progress.hpp"
#include "core/scratch_pool.hpp"
#include "graph/filtered_walk.hpp"
#include "graph/fused_walk.hpp"
#include "graph/split_lanes.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

/// One search call: everything noted once, so that writers beside it change nothing.
struct VectorIndex::Searcher {
  const VectorIndex& index;
  const Rows& rows;
  const Batch& queries;
  const SearchParams& params;
  Neighbors& hits;
  GraphView graph;
  const Id* ids;
  Allowed allowed;
  Breadth breadth;
  std::size_t walk_dim;  ///< values of a walked row that are compared
  Allowed with_twins =
      {};  ///< as `allowed`, but of nodes of the graph; empty where they are the same
  std::vector<Slot> seeds = {};
  Accepted wanted = {};
  Deadline deadline = {};
  SearchDefaults usual = {};  ///< what params leave open

  /// A query on its way over fused rows.
  struct FusedLane {
    /// The nodes that are left when the walk is over are scored, and the best of all ranked by the
    /// full rows, in turns of their own.
    enum class Stage : std::uint8_t { walking, resting, ranking };

    explicit FusedLane(const Storage& rows) : walk(rows) {}

    FusedWalk walk;
    std::size_t query = 0;
    std::size_t beam = 0;
    bool busy = false;
    Stage stage = Stage::walking;
    std::vector<Scored> others;  ///< that are ranked beside the k best of the walk
  };

  /// What one thread needs.
  struct Worker final : ScratchPool::Item {
    explicit Worker(const Rows& rows) : walked(rows.walked()), ranking(rows.ranking()) {}

    /// Makes queries ready, which are then at() their numbers.
    void prepare(const Searcher& searcher, std::size_t begin, std::size_t end);
    [[nodiscard]] std::size_t at(std::size_t query) const { return query - first; }

    QuerySet queries;
    std::size_t first = 0;
    WalkScratch walk;
    QueryBuffer walked;
    QueryBuffer ranking;
    std::vector<Scored> found;
    std::vector<Slot> slots;
    std::vector<float> scores;
    std::vector<std::pair<float, Id>> best;
    std::vector<std::unique_ptr<FusedLane>> lanes;
    SplitLanes split_lanes;
    std::uint64_t reranked = 0;

    /// Scores of rows that were found, by the scorer of those that rank; valid until the next call.
    std::span<const float> rank(std::span<const Scored> ranked, const Scorer& scorer);

    /// Adds what was counted to `stats` and counts from zero again.
    void report(SearchStats& stats);
  };

  /// Walks the graph for every query; marks in `open` those that it did not answer in full.
  void walk_all(unsigned threads, bool fused, ProgressMeter& meter,
                std::vector<std::uint8_t>& open) const;

  /// Compares the open queries with every allowed row.
  void scan_open(unsigned threads, ProgressMeter& meter,
                 const std::vector<std::uint8_t>& open) const;

  /// Chooses, and makes ready what walks past rejected rows need.
  [[nodiscard]] Plan plan_walk(bool fused);

  void finish(std::size_t query, std::span<Scored> found,
              std::vector<std::pair<float, Id>>& best) const;
  /// A walk past rejected rows; false if it did not answer the query in full.
  bool walk_graph(Plan way, std::size_t query, Worker& worker) const;
  void collect(const Pool& pool, std::vector<Scored>& found) const;
  /// walked: the query as the walk compared it.
  void rerank(std::size_t query, const kernels::QueryView& walked, Worker& worker) const;
  /// Compares a query with the rows that rank, where they are others than the walked ones.
  [[nodiscard]] Scorer ranker(std::size_t query, const kernels::QueryView& walked,
                              const Worker& worker) const {
    if (rows.ranks_as_walked()) return rows.ranking().scorer(walked);
    return rows.ranking().scorer(worker.queries.second[worker.at(query)], worker.ranking);
  }

  /// split_search.cpp: walks of all nodes, where the queries of a thread take turns.
  void walk_split(std::size_t begin, std::size_t end, Worker& worker,
                  std::vector<std::uint8_t>& open) const;
  [[nodiscard]] bool start_split(SplitLane& lane, Worker& worker) const;
  void finish_split(SplitLane& lane, Worker& worker, std::vector<std::uint8_t>& open) const;

  /// fused_search.cpp: the same over fused rows, where the queries of a thread take turns.
  void walk_fused(std::size_t begin, std::size_t end, Worker& worker,
                  std::vector<std::uint8_t>& open) const;
  /// False when the walk is over.
  bool take_turn(FusedLane& lane, const std::byte* ahead, Worker& worker) const;
  /// A walk that ended, and what it found: gives the query another one where that is too little.
  /// False where there is none.
  bool walk_again(FusedLane& lane, Worker& worker, std::vector<std::uint8_t>& open) const;
  void start_fused(FusedLane& lane, std::size_t query, std::size_t beam, Worker& worker) const;
  /// Puts the allowed rows of nodes into worker.found; returns them.
  std::span<Scored> add_rows(std::span<const Scored> nodes, Worker& worker) const;
  void rank_fused(FusedLane& lane, Worker& worker) const;
  [[nodiscard]] bool answered(std::size_t query) const {
    return hits.counts[query] >= std::min(params.k, allowed.count);
  }
  [[nodiscard]] std::size_t slots() const { return allowed.population->slots; }
  [[nodiscard]] bool allows(Slot slot) const {
    return slot < slots() && (allowed.everything || allowed.view().contains(slot));
  }
};

}  // namespace vecinal
