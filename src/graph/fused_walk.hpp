/// Search over fused rows, one node at a time, so that several queries can take turns: while one
/// waits for its next row, another works.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "encoding/storage.hpp"
#include "graph/filtered_walk.hpp"
#include "graph/fused.hpp"
#include "graph/graph.hpp"
#include "graph/lazy_pool.hpp"

namespace vecinal {

/// How far a walk goes.
struct FusedBreadth {
  std::size_t k = 0;
  std::size_t beam = 0;      ///< as in LazyPool
  std::size_t capacity = 0;  ///< nodes that are scored at most, expanded or not; >= beam, k
  float gamma = 0;  ///< the walk ends when the best node left is farther than the k-th best
                    ///< found by the factor 1 + gamma; +inf: only the beam ends it
  const BitmapView* accepted = nullptr;  ///< nodes that are looked for, null: all; the walk passes
                                         ///< through the others
  float shift = 0;  ///< makes scores distances, of which a factor has a meaning
};

class FusedWalk {
 public:
  explicit FusedWalk(const Storage& rows);

  /// Starts with a query: scores the entries and chooses the first node. All that is given outlives
  /// the walk.
  void begin(const Storage& rows, const FusedView& fused, const GraphView& graph,
             const Query& query, const FusedBreadth& breadth);

  /// The query as it is compared.
  [[nodiscard]] const kernels::QueryView& query() const { return scorer_.query; }

  /// Expands one node and chooses the next one. ahead: another query's row, or what
  /// fetch_two() gave, whose signs are fetched meanwhile; or null. Returns false when the walk is
  /// over.
  bool step(const std::byte* ahead);

  /// The row of the next node, of whose signs nothing was fetched yet; null when the walk is over.
  [[nodiscard]] const std::byte* next_row() const {
    return next_.slot == no_slot ? nullptr : row_of(next_.slot);
  }

  /// Fetches the signs of the next row.
  void fetch() const;

  /// For a walk that nothing takes turns with: fetch(), and the row that is likely to be the one
  /// after the next, but for its signs: step() is to fetch these. Returns it, or null.
  const std::byte* fetch_two();

  /// When the walk is over: nodes whose neighbours were not looked at but which, by their
  /// estimates, may be among the k best; fetches their rows. Returns how many they are.
  std::size_t choose_rest();

  /// Scores those.
  void score_rest();

  /// Accepted nodes that were scored, in the order they came.
  [[nodiscard]] const std::vector<Scored>& found() const { return found_; }

  /// The k best of them, best first; fewer if there are no more.
  [[nodiscard]] const std::vector<Scored>& best() const { return best_; }

  /// The k-th least of their scores; +inf if there are fewer.
  [[nodiscard]] float kth_score() const {
    return best_.size() == breadth_.k ? best_.back().score : std::numeric_limits<float>::infinity();
  }

  /// Share of the expanded nodes that are accepted.
  [[nodiscard]] double accepted_share() const {
    return hops_taken_ == 0
               ? 1
               : static_cast<double>(accepted_hops_) / static_cast<double>(hops_taken_);
  }

  std::uint64_t hops = 0;       ///< counted up, never reset here
  std::uint64_t distances = 0;  ///< estimates included

 private:
  [[nodiscard]] const std::byte* row_of(Node node) const {
    return scorer_.rows.data + node * scorer_.rows.stride;
  }
  void enter(const FusedEntries& entries);
  bool choose();
  /// The row before its signs, and the links.
  void fetch_head(Node node) const;
  /// False if the node is none that is looked for.
  bool note(Scored node);
  [[nodiscard]] bool accepted(Node node) const {
    return breadth_.accepted == nullptr || accepts(*breadth_.accepted, node);
  }

  QueryBuffer buffer_;
  AlignedArray<std::uint8_t> table_;
  Scorer scorer_;
  kernels::SignQuery signs_;
  const FusedLayout* layout_ = nullptr;
  LayerView layer_;
  FusedBreadth breadth_;
  LazyPool pool_;
  Scored next_{0, no_slot};
  Node fetched_ = no_slot;    ///< by fetch_two(): the node after the next, as it seemed
  double squared_error_ = 0;  ///< of the estimates of expanded nodes, summed
  std::vector<Scored> found_;
  std::vector<Scored> best_;
  std::vector<Node> rest_;
  std::size_t hops_taken_ = 0;
  std::size_t accepted_hops_ = 0;
  std::vector<float> scores_;
  std::array<float, kernels::sign_lanes> estimates_;
};

}  // namespace vecinal
