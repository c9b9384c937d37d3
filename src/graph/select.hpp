/// Choosing the links of a node from candidates: alpha-pruning with fill.
///
/// Candidates are taken nearest first; one is occluded, and passed over, if an already chosen
/// neighbour is closer to it than the node is, by the factor alpha (alpha = 1: the HNSW heuristic,
/// Malkov & Yashunin algorithm 4; alpha > 1 keeps more long links: Vamana, Subramanya et al.,
/// NeurIPS 2019). Links that hold the graph together are always kept. Places left over are filled
/// with the nearest occluded candidates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/types.hpp"
#include "encoding/storage.hpp"
#include "graph/layer.hpp"

namespace vecinal {

/// Scores as distances for pruning: c is occluded by s if alpha * (score(s, c) + shift) <=
/// score(node, c) + shift.
struct Geometry {
  float alpha = 1;
  float shift = 0;  ///< makes scores of the metric zero or more, so that a factor has a meaning
};

struct Candidate {
  Scored scored;      ///< score against the node, and the candidate's node number
  bool keep = false;  ///< must be chosen
};

class Selector {
 public:
  Selector(const Storage& rows, Geometry geometry)
      : rows_(rows), geometry_(geometry), buffer_(rows) {}

  /// Chooses at most `degree` of the candidates (sorted by score, distinct), filled up to at least
  /// `fill` of them as far as there are. The result is sorted by score and valid until the next
  /// call.
  [[nodiscard]] std::span<const Scored> select(const LayerView& layer,
                                               std::span<const Candidate> candidates,
                                               std::uint32_t degree, std::uint32_t fill);

  [[nodiscard]] std::uint64_t distances() const { return distances_; }

 private:
  [[nodiscard]] bool occluded(const LayerView& layer, Scored candidate);

  const Storage& rows_;
  Geometry geometry_;
  QueryBuffer buffer_;
  std::vector<Scored> chosen_;
  std::vector<Slot> chosen_slots_;
  std::vector<Scored> passed_;
  std::uint64_t distances_ = 0;
};

}  // namespace vecinal
