/// What the parts of a Builder share: builder.cpp and builder_device.cpp.
#pragma once

#include <span>
#include <vector>

#include "graph/builder.hpp"

namespace vecinal {

/// One item on its way into the graph.
struct Builder::Insertion {
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
