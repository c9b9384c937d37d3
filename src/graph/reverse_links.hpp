/// The links of a batch the other way round, put together by target.
///
/// Chunks of the batch are filled side by side, and buckets of targets then read side by side: a
/// sort of all links at once would take longer than applying them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.hpp"

namespace vecinal {

/// A reverse link to be made: source chose target.
struct ReverseLink {
  Node target;
  float score;
  Node source;
  bool adopt;  ///< the target is the parent that source asks for

  friend bool operator<(const ReverseLink& a, const ReverseLink& b) {
    if (a.target != b.target) return a.target < b.target;
    if (a.score != b.score) return a.score < b.score;
    return a.source < b.source;
  }
};

class ReverseLinks {
 public:
  /// Forgets all links; about so many are to come, in so many chunks.
  void start(std::size_t chunks, std::size_t links);

  /// Several threads may put different chunks.
  void put(std::size_t chunk, std::span<const ReverseLink> links);

  [[nodiscard]] std::size_t buckets() const { return buckets_; }

  /// The links of a bucket, by (target, score, source), in `to`. All those of a target are in one.
  void gather(std::size_t bucket, std::vector<ReverseLink>& to) const;

 private:
  /// Links in the order of their buckets.
  struct Chunk {
    std::vector<ReverseLink> links;
    std::vector<std::uint32_t> ends;  ///< of each bucket
  };

  [[nodiscard]] std::size_t bucket_of(Node target) const;

  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;  ///< chunks of this batch: those behind keep their memory
  std::size_t buckets_ = 1;
};

}  // namespace vecinal
