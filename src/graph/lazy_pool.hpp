/// The candidates of a fused walk: unsorted, thinned out when too many. Keeping order costs more
/// than the estimates themselves; the least of a few dozen floats is found by a scan.
///
/// What is expanded is remembered by node, so a node may be offered many times; the smallest
/// estimate is expanded, the others are dropped when they come up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/aligned_array.hpp"
#include "core/types.hpp"
#include "graph/layer.hpp"
#include "kernels/kernels.hpp"

namespace vecinal {

class LazyPool {
 public:
  /// beam: the walk ends when so many expanded nodes are no worse than the best that is left.
  /// capacity: nodes that are kept at least; >= beam.
  void reset(std::size_t beam, std::size_t capacity);

  /// Scores above it need not be offered.
  [[nodiscard]] float limit() const { return limit_; }

  /// Lowers the limit.
  void tighten(float limit) { limit_ = limit < limit_ ? limit : limit_; }

  /// Adds the nodes whose bit is set; those not below `count` are ignored.
  void offer(const float* scores, const Node* nodes, std::uint32_t which, std::size_t count);

  /// Takes out the best node that was not expanded yet; or an entry with no_slot: the walk is over.
  Scored pop();

  /// The best node that was not expanded yet, or no_slot. The pool stays as it is.
  Node peek();

  /// Counts a node that pop() gave towards the beam.
  void credit(float score);

  /// Once the walk is over: the nodes that were not expanded and have scores <= limit, each
  /// once, at most `count`, the best if there are more.
  std::span<const Node> rest(float limit, std::size_t count);

 private:
  /// Drops what the limit has come to exclude.
  void sweep();
  /// Lowers the limit until capacity, or little more, is left.
  void thin_out();
  /// Where the best candidate is; there is one.
  [[nodiscard]] std::size_t best() const;
  void drop(std::size_t at);
  [[nodiscard]] bool expanded(Node node) const;
  void mark(Node node);
  [[nodiscard]] std::size_t place(Node node) const {
    return (node * 0x9E3779B1U) >> shift_;  // Fibonacci hashing
  }

  std::size_t beam_ = 0;
  std::size_t capacity_ = 0;
  std::size_t most_ = 0;  ///< candidates and expanded nodes before the pool is thinned out
  std::size_t size_ = 0;
  std::size_t sweep_at_ = 0;
  float limit_ = std::numeric_limits<float>::infinity();
  std::uint32_t shift_ = 0;
  std::size_t room_ = 0;
  AlignedFloats scores_;
  AlignedArray<Node> nodes_;
  std::vector<Node> table_;  ///< of expanded nodes; a later one may stand in the place of another
  std::size_t expanded_count_ = 0;
  std::vector<Node> expanded_;
  std::size_t credited_ = 0;
  std::vector<float> credits_;  ///< scores of expanded nodes that count
  std::vector<Scored> hidden_;  ///< places and scores, for peek()
  std::vector<Scored> rest_;
  std::vector<Node> rest_nodes_;
};

}  // namespace vecinal
