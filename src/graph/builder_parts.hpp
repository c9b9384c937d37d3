/// What the parts of a Builder share: builder.cpp and builder_device.cpp.
#pragma once

#include <span>
#include <vector>

#include "graph/builder.hpp"
#include "graph/split_lanes.hpp"

namespace vecinal {

/// One item on its way into the graph.
struct Builder::Insertion {
  /// Without links.
  void start(Slot item, std::uint32_t its_level) {
    slot = item;
    level = its_level;
    twin = no_slot;
    links.resize(level + 1);
    for (auto& chosen : links) chosen.clear();
  }

  Slot slot = no_slot;
  std::uint32_t level = 0;
  Slot twin = no_slot;                     ///< the node with the same row, if there is one
  std::vector<std::vector<Scored>> links;  ///< by level: chosen nodes, nearest first
  std::vector<Node> nodes;                 ///< by level: the number given to this item
};

/// Scratch of one thread.
struct Builder::Worker {
  /// walked: the rows, or codes of them.
  Worker(const Storage& rows, const Storage& walked, Geometry geometry)
      : selector(rows, geometry), buffer(rows), walk_buffer(walked) {}

  WalkScratch walk;
  SplitLanes lanes;
  Selector selector;
  QueryBuffer buffer;
  QueryBuffer walk_buffer;
  std::vector<Candidate> candidates;
  std::vector<Node> row;
  std::vector<Slot> slots;
  std::vector<float> scores;
  std::vector<Slot> orphans;
  std::vector<ReverseLink> edges;
  std::vector<Node> touched;       ///< rows that the device has not seen
  BuildDevice::Overfull overfull;  ///< rows that the device prunes
};

}  // namespace vecinal
