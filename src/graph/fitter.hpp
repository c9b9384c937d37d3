/// Repairs level 0 of a finished graph for a sample of real queries (NGFix and RFix, SIGMOD 2026,
/// arXiv 2510.22316).
///
/// Queries are taken in batches: those of a batch walk the graph as it stands, in parallel, and say
/// which links they miss; these are then made node by node, in the order of the queries. So the
/// result does not depend on the number of threads.
///
/// Rows have as many places as before. A new link takes a free one, or that of the farthest link;
/// links of the tree and links made here stay.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/bitmap.hpp"
#include "encoding/storage.hpp"
#include "graph/graph.hpp"
#include "graph/neighbourhood.hpp"
#include "graph/select.hpp"
#include "graph/undo.hpp"

namespace vecinal {

struct FitterParams {
  std::size_t beam = 500;       ///< candidates kept while the nearest nodes are looked for
  std::size_t neighbours = 50;  ///< nearest nodes that are to lead to each other
  Geometry geometry;
  unsigned threads = 1;  ///< resolved
};

class Fitter {
 public:
  Fitter(Graph& graph, const Storage& rows, const FitterParams& params);
  ~Fitter();

  /// answers: rows that searches may return; links lead to nodes that have one. watch(done) is
  /// called by the calling thread; what it throws is passed on, and what was made stays.
  void fit(std::span<const Query> queries, BitmapView answers,
           const std::function<void(std::size_t done)>& watch);

  /// Takes back all that was made.
  void roll_back() const { undo_.roll_back(graph_); }

  /// Nodes whose rows may have changed, ascending.
  [[nodiscard]] std::vector<ChangedRow> changed() const { return undo_.changed(); }

  [[nodiscard]] std::size_t links_made() const;

  /// Links that found no place.
  [[nodiscard]] std::size_t links_refused() const;

 private:
  struct Worker;

  void find_missing(const Query& query, BitmapView answers, Worker& worker) const;
  void find_ways(Scored end, Worker& worker) const;
  void make_all(std::size_t queries);
  void make(std::span<const Link> links, Worker& worker);
  void find_room(Node node, Worker& worker) const;

  [[nodiscard]] std::uint64_t& marks(Node node, std::size_t place) {
    return marks_[node * mark_words_ + place / 64];
  }
  [[nodiscard]] bool marked(Node node, std::size_t place) const {
    return ((marks_[node * mark_words_ + place / 64] >> (place % 64)) & 1U) != 0;
  }

  Graph& graph_;
  const Storage& rows_;
  FitterParams params_;
  Undo undo_;
  std::size_t mark_words_;
  std::vector<std::uint64_t> marks_;  ///< a bit for each place of each row: its link was made here
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::vector<Link>> missing_;  ///< by query of the batch
  std::vector<Link> links_;
};

}  // namespace vecinal
