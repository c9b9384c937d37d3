/// Chooses the links of level 0 anew, on the finished graph: when a node was inserted, the nearest
/// of those that came after it were not there to be found.
///
/// A round has two halves. All nodes look for their neighbours on the graph as it is, in parallel,
/// and choose from what they find and the links they have. Then each row becomes what its node has
/// chosen and those that have chosen it, pruned where they are too many. So the result does not
/// depend on the number of threads, and while nodes look, fused rows go with the links. Links of
/// the tree stay, and with them every node in reach.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "encoding/storage.hpp"
#include "graph/fused.hpp"
#include "graph/graph.hpp"
#include "graph/select.hpp"
#include "graph/tree.hpp"
#include "graph/undo.hpp"

namespace vecinal {

struct RefinerParams {
  std::size_t beam = 200;  ///< nodes among which the links of a node are chosen
  Geometry geometry;
  std::uint32_t fill = 0;  ///< links that a row keeps at least when it is pruned
  unsigned threads = 1;    ///< resolved
};

class Refiner {
 public:
  Refiner(Graph& graph, const Storage& rows, const RefinerParams& params);
  ~Refiner();

  /// The first half of a round. fused: rows that go with the links, null: there are none.
  /// watch(done) is called by the calling thread; what it throws is passed on.
  void choose(const FusedView* fused, const std::function<void(std::size_t done)>& watch);

  /// The second half. What it throws leaves the graph half changed: roll_back().
  void apply();

  /// Takes back all rounds.
  void roll_back() const { undo_.roll_back(graph_); }

  /// Nodes, each of which takes part in a round.
  [[nodiscard]] std::size_t nodes() const { return nodes_.size(); }

  /// Bytes that a round needs for so many nodes.
  [[nodiscard]] static std::size_t bytes_for(std::size_t nodes, std::uint32_t degree) {
    return nodes * degree * (2 * sizeof(Scored) + sizeof(Node));
  }

 private:
  struct Worker;

  /// Walks fused rows; what it finds becomes worker.candidates.
  void find(Node node, const FusedView& fused, Worker& worker) const;
  /// The same for nodes begin .. end - 1, which take turns, over rows and links; and their choice.
  void choose_by_rows(std::size_t begin, std::size_t end, Worker& worker);
  /// Among the candidates and the links it has.
  void choose_links(Node node, Worker& worker);
  void sort_offers();
  void join(Node node, Worker& worker);
  [[nodiscard]] std::span<const Scored> select(Worker& worker) const;

  /// The places of a node in chosen_.
  [[nodiscard]] std::span<Scored> places(Node node) {
    return std::span(chosen_).subspan(node * std::size_t{graph_.degree()}, graph_.degree());
  }
  [[nodiscard]] std::span<const Scored> offers(Node node) const {
    const std::size_t begin = offers_begin_[node];
    return std::span(offers_).subspan(begin, offers_begin_[node + std::size_t{1}] - begin);
  }

  Graph& graph_;
  const Storage& rows_;
  RefinerParams params_;
  Undo undo_;
  Tree tree_;
  std::vector<Node> nodes_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Scored> chosen_;             ///< no_slot in places left over
  std::vector<std::size_t> offers_begin_;  ///< by slot
  std::vector<Scored> offers_;             ///< by slot: the nodes that have chosen it, ascending
};

}  // namespace vecinal
