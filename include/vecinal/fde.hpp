/// Fixed-dimensional encodings of sets of vectors (MUVERA; Dhulipala et al., NeurIPS 2024,
/// arXiv 2405.19504): one vector a set, so that the inner product of a query's and a document's
/// encodings, divided by the repetitions, estimates their Chamfer similarity
///
///   sum over q in Q of the greatest <q, p> over p in P       (MaxSim of late interaction).
///
///   vecinal::FdeEncoder encoder({.dim = 128});
///   vecinal::Batch documents{.data = tokens, .count = n, .dim = 128, .offsets = offsets};
///   std::vector<float> codes(documents.items() * encoder.encoded_dim());
///   encoder.encode_documents(documents, codes);
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "vecinal/batch.hpp"

namespace vecinal {

struct FdeConfig {
  std::size_t dim = 0;  ///< of the vectors, 1 .. 65,536
  FdeParams params = {};
  std::uint64_t seed = 0;  ///< the same seed draws the same planes and places everywhere
  unsigned threads = 0;    ///< 0 = all cores
};

/// Values of an encoding. Throws std::invalid_argument naming the field and its range.
[[nodiscard]] std::size_t encoded_dim(std::size_t dim, const FdeParams& params);

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
  FdeQuality train(const Batch& documents);

  /// The mean, dim values; zeros before train().
  [[nodiscard]] std::span<const float> mean() const;

  /// Takes a mean that train() of another encoder found. Throws std::invalid_argument (not dim
  /// values, or not finite).
  void set_mean(std::span<const float> mean);

  /// out: count x encoded_dim floats. An empty set is encoded as zeros. Throws
  /// std::invalid_argument (dim, offsets that are not ascending or past the vectors, out of another
  /// size; a value not finite, with its row, when part of out may be written already).
  void encode_documents(const Batch& documents, std::span<float> out) const;
  void encode_queries(const Batch& queries, std::span<float> out) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecinal
