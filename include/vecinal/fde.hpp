/// Fixed-dimensional encodings of sets of vectors (MUVERA; Dhulipala et al., NeurIPS 2024,
/// arXiv 2405.19504): one vector a set, so that the inner product of a query's and a document's
/// encodings, divided by the repetitions, estimates their Chamfer similarity
///
///   sum over q in Q of the greatest <q, p> over p in P       (MaxSim of late interaction).
///
///   vecinal::FdeEncoder encoder({.dim = 128});
///   std::vector<float> codes(documents.count() * encoder.encoded_dim());
///   encoder.encode_documents(documents, codes);
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "vecinal/batch.hpp"

namespace vecinal {

/// Sets of vectors, one after another: set i is the rows [offsets[i], offsets[i + 1]). A view.
struct SetBatch {
  Batch vectors;
  std::span<const std::size_t> offsets;  ///< one more than there are sets, ascending

  [[nodiscard]] std::size_t count() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  [[nodiscard]] std::size_t size(std::size_t set) const { return offsets[set + 1] - offsets[set]; }
};

/// How vectors are projected within a cell. sparse: each dimension goes to one drawn place with a
/// drawn sign (count-sketch). dense: a matrix of drawn signs.
enum class InnerProjection : std::uint8_t { sparse, dense };

struct FdeConfig {
  std::size_t dim = 0;      ///< of the vectors, 1 .. 65,536
  std::uint32_t k_sim = 4;  ///< hyperplanes of a repetition: 2^k_sim cells; 0 .. 10
  std::size_t projected_dim =
      0;  ///< of a cell, 1 .. dim; dim = no projection; 0 = 8, or dim if less
  InnerProjection projection = InnerProjection::sparse;
  std::uint32_t repetitions = 20;  ///< 1 .. 1,000
  std::size_t final_dim = 0;       ///< count-sketch of the whole down to so many; 0 = none
  bool fill_empty = true;          ///< empty cells of a document take its nearest vector
  std::uint64_t seed = 0;          ///< the same seed draws the same planes and places everywhere
  unsigned threads = 0;            ///< 0 = all cores
};

/// How well cells tell the vectors of a sample apart.
struct FdeQuality {
  double mean_cosine = 0;  ///< of pairs of vectors; near 1: all point the same way
  double occupancy = 0;    ///< entropy of the cells' shares over that of equal shares, 0 .. 1
};

class FdeEncoder {
 public:
  /// Throws std::invalid_argument naming the field and its range.
  explicit FdeEncoder(const FdeConfig& config);
  ~FdeEncoder();
  FdeEncoder(FdeEncoder&&) noexcept;
  FdeEncoder& operator=(FdeEncoder&&) noexcept;

  [[nodiscard]] const FdeConfig& config() const;

  /// Values of an encoding.
  [[nodiscard]] std::size_t encoded_dim() const;

  /// Takes the mean of document vectors. From then on vectors are hashed, and documents encoded,
  /// about it: models whose vectors share one direction leave most cells empty otherwise, and the
  /// ranking by Chamfer similarity is the same, as <q, mean> is the same for every document.
  /// Returns the quality after centring. Throws std::invalid_argument (dim, a value not finite).
  FdeQuality train(const SetBatch& documents);

  /// The mean, dim values; zeros before train().
  [[nodiscard]] std::span<const float> mean() const;

  /// out: count x encoded_dim floats. An empty set is encoded as zeros. Throws
  /// std::invalid_argument (dim, offsets that are not ascending or past the vectors, a value not
  /// finite, with its row; out of another size).
  void encode_documents(const SetBatch& documents, std::span<float> out) const;
  void encode_queries(const SetBatch& queries, std::span<float> out) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecinal
