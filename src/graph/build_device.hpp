/// What a device does of building a graph: of the steps of a batch whose work is parallel, the
/// links that items choose, and the rows of level 0 that overflow. It has the rows already and is
/// told of every change of links. Results are those of the CPU's steps, but for the rounding of
/// scores of float rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/types.hpp"
#include "graph/graph.hpp"

namespace vecinal {

class BuildDevice {
 public:
  virtual ~BuildDevice() = default;

  /// Nodes whose rows were chosen by more than they have places for. New links of target i end at
  /// ends[i]; sources are 2 * node, and 1 if the link must be kept. keep: bits of the present links
  /// of each target that must be, in (degree + 31) / 32 words.
  struct Overfull {
    std::vector<Node> targets;
    std::vector<std::uint32_t> ends;
    std::vector<float> scores;
    std::vector<std::uint32_t> sources;
    std::vector<std::uint32_t> keep;
  };

  /// Host memory from and to which copies go by themselves; other memory does as well.
  [[nodiscard]] virtual std::shared_ptr<std::byte> pinned(std::size_t bytes) = 0;

  /// Fewest items of a batch that are worth a call.
  [[nodiscard]] virtual std::size_t least_batch() const = 0;

  /// Candidates that a target of prune() may have in all.
  [[nodiscard]] virtual std::size_t max_candidates() const = 0;

  /// Copies the whole graph.
  virtual void begin(const GraphView& graph) = 0;

  /// For each slot its twin or no_slot, and the links it chooses on each of its levels. counts: of
  /// each level the slots that have it, the first ones. links: level by level, as many entries for
  /// each of them as rows there have places; behind the links, entries without a slot.
  virtual void find_links(std::span<const Slot> slots, std::span<const std::uint32_t> counts,
                          std::span<Slot> twins, std::span<Scored> links) = 0;

  /// The rows that the targets keep: `degree` links for each.
  virtual void prune(const Overfull& nodes, std::span<Node> rows) = 0;

  /// Levels above 0 that have changed.
  virtual void set_upper(const GraphView& graph) = 0;

  /// Rows of level 0 that have changed: `degree` links for each node.
  virtual void set_rows(std::span<const Node> nodes, std::span<const Node> rows) = 0;
};

}  // namespace vecinal
