/// The nodes nearest to a query, and the links that they lack to lead to each other.
///
/// A walk that has come among the nearest nodes finds the others by links between them; where it
/// must leave them to come back, it ends too early. That is rare around queries distributed like
/// the rows, for which the links were chosen, and common around others (escape hardness: NGFix,
/// SIGMOD 2026, arXiv 2510.22316).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/types.hpp"
#include "encoding/storage.hpp"
#include "graph/layer.hpp"

namespace vecinal {

/// A link to be made.
struct Link {
  Node from = no_slot;
  Node to = no_slot;
};

class Neighbourhood {
 public:
  explicit Neighbourhood(const Storage& rows) : rows_(rows), buffer_(rows) {}

  /// The nodes of level 0 nearest to a query, best first, and the links between them.
  void reset(const LayerView& layer, std::span<const Node> nodes);

  /// Adds to `missing` the links after which each of the `count` nearest nodes leads to each other
  /// one through no others: the shortest first, as a tree is grown.
  void connect(std::size_t count, std::vector<Link>& missing);

 private:
  struct Pair {
    float score;
    std::uint32_t a;
    std::uint32_t b;

    friend bool operator<(const Pair& x, const Pair& y) {
      if (x.score != y.score) return x.score < y.score;
      return x.a != y.a ? x.a < y.a : x.b < y.b;
    }
  };

  /// Rows of bits: which node leads to which.
  using Bits = std::vector<std::uint64_t>;

  [[nodiscard]] bool holds(const Bits& bits, std::size_t from, std::size_t to) const {
    return ((bits[from * words_ + to / 64] >> (to % 64)) & 1U) != 0;
  }
  void set(Bits& bits, std::size_t from, std::size_t to) const {
    bits[from * words_ + to / 64] |= std::uint64_t{1} << (to % 64);
  }
  /// All that `from` leads to, `to` leads to as well.
  void join(std::size_t to, std::size_t from) {
    for (std::size_t w = 0; w < words_; ++w) reach_[to * words_ + w] |= reach_[from * words_ + w];
  }

  void close(std::size_t count);
  void score_pairs(std::size_t count);
  void link(std::size_t from, std::size_t to, std::size_t count, std::vector<Link>& missing);

  const Storage& rows_;
  QueryBuffer buffer_;
  std::vector<Node> nodes_;
  std::size_t words_ = 0;
  Bits linked_;
  Bits reach_;
  std::vector<std::uint64_t> ranks_;  ///< {node : 32 | number in nodes_ : 32}, sorted
  std::vector<Pair> pairs_;
  std::vector<Slot> others_;
  std::vector<float> scores_;
};

}  // namespace vecinal
