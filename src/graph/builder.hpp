/// Inserts items into the graph, in batches that see only what earlier batches made.
///
/// Batch-synchronous construction (ParlayANN, Manohar et al., PPoPP 2024): the items of a batch
/// search the frozen graph and choose their links in parallel; then the reverse links are grouped
/// by target, sorted by (score, source) and applied target by target, in parallel too. No locks on
/// nodes, and the same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/pinned_array.hpp"
#include "encoding/storage.hpp"
#include "graph/build_device.hpp"
#include "graph/graph.hpp"
#include "graph/reverse_links.hpp"
#include "graph/select.hpp"
#include "graph/tree.hpp"
#include "graph/undo.hpp"
#include "graph/walk.hpp"

namespace vecinal {

struct BuildParams {
  std::uint32_t beam = 200;
  Geometry geometry;
  std::uint32_t fill = 0;   ///< links that a row on level 0 gets at least
  std::uint32_t slack = 0;  ///< fewer of them when it overflows: what lets in the next ones without
                            ///< a new choice
  std::uint64_t seed = 0;
  unsigned threads = 1;            ///< resolved
  BuildDevice* device = nullptr;   ///< does what it can of large batches; outlives the Builder
  const Storage* codes = nullptr;  ///< of the rows, which walks read in their stead
  std::size_t free = 0;            ///< slots of the graph that it does not hold

  /// Links that a row on level 0 keeps at least when it is pruned.
  [[nodiscard]] std::uint32_t refill() const { return fill - std::min(fill, slack); }
};

class Builder {
 public:
  /// rows must hold every slot that is going to be inserted.
  Builder(Graph& graph, const Storage& rows, const BuildParams& params);
  ~Builder();

  /// Inserts the slots, which are free or follow those that the graph has, in the given order (but
  /// for the upper levels, whose items go first). watch(done) is called by the calling thread; if
  /// it throws, or memory runs out, the graph is rolled back and the exception passed on.
  void insert(std::span<const Slot> order, const std::function<void(std::size_t done)>& watch);

  /// Puts `slot` into the ring of `node`, which was inserted.
  void add_twin(Slot node, Slot slot);

  /// Takes back all that was inserted, and the twins added since.
  void roll_back() { undo_.roll_back(graph_); }

  /// Of the slots that the graph had before, those whose links on level 0 have changed, ascending.
  [[nodiscard]] std::vector<ChangedRow> changed() const { return undo_.changed(); }

 private:
  struct Insertion;
  struct Worker;

  /// What goes to a device and comes from it, kept from batch to batch.
  struct DeviceBuffers {
    std::vector<Slot> twins;
    PinnedArray<Scored> links;
    std::vector<Node> nodes;
    PinnedArray<Node> rows;
  };

  [[nodiscard]] const Storage& walked() const {
    return params_.codes != nullptr ? *params_.codes : rows_;
  }
  [[nodiscard]] std::uint32_t level_of(Slot slot) const;
  /// Those of more levels first, else as they are.
  [[nodiscard]] std::vector<Slot> by_levels(std::span<const Slot> order) const;
  void insert_batch(std::span<const Slot> batch, const std::function<void(std::size_t)>& watch);
  /// Of some items of a batch; those of level 0 alone take turns.
  void find_links(std::span<Insertion> insertions, Worker& worker) const;
  void find_links(Insertion& insertion, Worker& worker) const;
  /// Among what the walk of a level has found.
  void choose_links(Insertion& insertion, std::uint32_t level, const Pool& found,
                    Worker& worker) const;
  /// What the walk of a level has found becomes worker.candidates, by the scores of the rows.
  void take_candidates(const LayerView& layer, Slot slot, const Pool& found, Worker& worker) const;
  [[nodiscard]] Slot find_twin(Slot slot, Worker& worker) const;
  void place(std::span<Insertion> batch);
  void note(Slot slot);
  [[nodiscard]] Node take_node(std::uint32_t level, std::size_t& count);
  /// batch: those that have this level.
  void place_level(std::span<Insertion> batch, std::uint32_t level);
  void set_rows(std::span<Insertion> insertions, std::uint32_t level, Worker& worker);
  void link_back(std::uint32_t level);
  void apply(std::uint32_t level, std::span<ReverseLink> edges, unsigned worker);
  /// Decides who is adopted, and adds the links if there is room; false if there is not.
  [[nodiscard]] bool add_links(std::uint32_t level, std::span<ReverseLink> edges, Worker& worker);
  void prune(std::uint32_t level, std::span<const ReverseLink> edges, Worker& worker);
  void adopt_orphans();
  // builder_device.cpp
  [[nodiscard]] bool device_takes(std::span<const Slot> batch);
  void find_links_on_device(std::span<const Slot> batch);
  /// Insertions that have each level.
  [[nodiscard]] std::vector<std::uint32_t> count_levels() const;
  void leave_to_device(std::span<const ReverseLink> edges, Worker& worker) const;
  void prune_on_device();
  [[nodiscard]] std::span<Node> device_rows(std::size_t count);
  void tell_device();

  Graph& graph_;
  const Storage& rows_;
  BuildParams params_;
  Undo undo_;
  Tree tree_;
  std::size_t inserted_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Insertion> insertions_;
  ReverseLinks reverse_;
  bool on_device_ = false;   ///< the device has the graph, and must be told of changes
  std::vector<Node> moved_;  ///< rows that the tree changed, which the device has not seen
  DeviceBuffers buffers_;
};

}  // namespace vecinal
