/// Chamfer similarity (MaxSim) of a query set with stored sets: the sum, over the query's vectors,
/// of the greatest inner product with one of the set's. No matrix of products ever exists.
#pragma once

#include <optional>
#include <vector>

#include "core/aligned_array.hpp"
#include "multivector/token_rows.hpp"

namespace vecinal {

/// One thread's scratch.
class ChamferScratch {
 public:
  explicit ChamferScratch(const TokenRows& tokens);

 private:
  friend class ChamferQuery;
  AlignedFloats floats_;
  AlignedArray<std::int16_t> codes_;
  std::vector<float> steps_;
  std::vector<float> offsets_;
  std::vector<float> best_;
};

/// What a query set is ranked by.
struct ChamferVectors {
  std::vector<float> values;  ///< the query's vectors, dim floats each, or sums of clusters of them
  double mean_product = 0;    ///< of all of them with the mean of the rows
};

/// Vectors [begin, end) of the batch. carving: vectors at least so similar (cosine) to a chosen one
/// are summed to one, which is cheaper (MUVERA, section 3.3); 0 = none.
[[nodiscard]] ChamferVectors chamfer_vectors(const TokenRows& tokens, const Batch& vectors,
                                             std::size_t begin, std::size_t end, float carving);

/// What sets of two levels are compared by; of one level both are the same.
enum class TokenLevel : std::uint8_t { first, full };

/// The vectors of a query, made ready for the encoding of the rows. The rows outlive it.
class ChamferQuery {
 public:
  /// As chamfer_vectors().
  ChamferQuery(const TokenRows& tokens, const Batch& vectors, std::size_t begin, std::size_t end,
               float carving, TokenLevel level = TokenLevel::first);

  /// Vectors after carving.
  [[nodiscard]] std::size_t size() const { return count_; }

  /// Of a stored set, which must not be empty. next: the one that is scored next, if there is
  /// one, whose first rows are fetched meanwhile.
  [[nodiscard]] float score(std::size_t set, ChamferScratch& scratch,
                            std::optional<std::size_t> next = {}) const;

 private:
  void make_panel(const std::vector<float>& vectors);
  void make_code_panel(const std::vector<float>& vectors);
  /// Raise the greatest products by a block of rows; of floats those ahead are fetched meanwhile,
  /// which codes gain nothing by.
  void raise(Extent rows, Extent ahead, ChamferScratch& scratch) const;
  void raise_codes(Extent rows, ChamferScratch& scratch) const;
  /// A panel's share of what is to be fetched.
  [[nodiscard]] kernels::Ahead share(Extent ahead, std::size_t panel) const;
  [[nodiscard]] const float* float_rows(Extent rows, ChamferScratch& scratch) const;

  const TokenRows& tokens_;
  const Storage& rows_;
  bool codes_;  ///< compared as codes, not decoded
  std::size_t count_ = 0;
  std::size_t panels_ = 0;
  AlignedFloats panel_;
  AlignedArray<std::int16_t> code_panel_;
  std::vector<float> sizes_;  ///< codes: of a query's step
  std::vector<float> sums_;   ///< codes: of a query's steps
  double mean_product_ = 0;   ///< of all the query's vectors with the mean of the rows
};

}  // namespace vecinal
