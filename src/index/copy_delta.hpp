/// What has changed of an index since copies of it were made, so that these can be brought up to
/// date by parts.
#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <vector>

#include "core/types.hpp"
#include "graph/undo.hpp"

namespace vecinal {

class CopyDelta {
 public:
  /// Copies are those of the index after so many changes.
  void restart(std::uint64_t changes) {
    since_ = changes;
    everything_ = false;
    rows_.clear();
    nodes_.clear();
  }

  /// Rows were written again, and links or tails of nodes on level 0 have changed; `slots`, which
  /// may be new, have both. count: rows of the index, of which few are worth a list.
  void add(std::span<const Slot> slots, std::span<const ChangedRow> nodes,
           std::size_t count) noexcept {
    if (everything_) return;
    if (nodes_.size() + slots.size() + nodes.size() > count / 2) return add_everything();
    try {
      rows_.insert(rows_.end(), slots.begin(), slots.end());
      nodes_.insert(nodes_.end(), slots.begin(), slots.end());
      for (const ChangedRow& changed : nodes) nodes_.push_back(changed.node);
    } catch (const std::exception&) {
      add_everything();
    }
  }
  void add_everything() noexcept {
    everything_ = true;
    rows_.clear();
    nodes_.clear();
  }

  /// True if copies of that state need no more than what is listed.
  [[nodiscard]] bool suffices(std::uint64_t changes) const {
    return !everything_ && since_ == changes;
  }
  /// Those below a limit, ascending, each once.
  [[nodiscard]] std::vector<Slot> rows(std::size_t limit) const { return below(limit, rows_); }
  [[nodiscard]] std::vector<Node> nodes(std::size_t limit) const { return below(limit, nodes_); }

 private:
  [[nodiscard]] static std::vector<Slot> below(std::size_t limit, std::vector<Slot> listed);

  std::uint64_t since_ = 0;
  bool everything_ = true;
  std::vector<Slot> rows_;
  std::vector<Node> nodes_;
};

}  // namespace vecinal
