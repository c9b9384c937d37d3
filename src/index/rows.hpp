/// The rows of an index in all their forms: those that are walked, and those that rank the answers
/// where the walked ones are too coarse for it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/scratch_pool.hpp"
#include "encoding/storage.hpp"
#include "graph/fused.hpp"
#include "transform/model.hpp"
#include "vecinal/batch.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

/// How the rows are stored that are walked.
[[nodiscard]] kernels::RowType walked_type(Encoding encoding);

/// True if rows are floats, not codes: they need no quantizer, and have no bias.
[[nodiscard]] inline bool has_float_rows(Encoding encoding) {
  return !codec(walked_type(encoding), false).is_code();
}

/// What encoding rows did to them, summed.
struct EncodeSummary {
  float magnitude = 0;       ///< no score of the rows with one another leaves its square
  double squared_error = 0;  ///< of the walked rows
  double squared_norm = 0;   ///< about the mean
  std::size_t values = 0;
  std::size_t clipped = 0;

  void operator+=(const EncodeSummary& other);
};

/// How messages name the items of a batch.
struct ItemNames {
  const char* call = "add";
  std::size_t first = 0;  ///< number of the first one
};

/// Some queries in the space of either kind of row; used again, it allocates nothing.
struct QuerySet {
  std::vector<Query> walked;
  std::vector<Query> second;  ///< empty without secondary rows
  float magnitude = 0;

  /// Queries for the rows that rank.
  [[nodiscard]] std::span<const Query> ranking() const { return second.empty() ? walked : second; }

 private:
  friend class Rows;
  std::size_t capacity_ = 0;
  AlignedFloats prepared_;
  AlignedFloats centred_;
  AlignedFloats projected_;
};

class Rows {
 public:
  Rows(const Config& config, Model model);

  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] std::size_t size() const { return walked_->size(); }
  [[nodiscard]] Storage& walked() { return *walked_; }
  [[nodiscard]] const Storage& walked() const { return *walked_; }

  /// True if other rows than the walked ones rank the answers.
  [[nodiscard]] bool two() const { return second_ != Second::none; }
  /// True if a query is the same for the rows that rank as for those that are walked, codes and
  /// all.
  [[nodiscard]] bool ranks_as_walked() const {
    return second_ == Second::none || second_ == Second::rest;
  }
  [[nodiscard]] Storage& ranking() { return two() ? *ranking_ : *walked_; }
  [[nodiscard]] const Storage& ranking() const { return two() ? *ranking_ : *walked_; }

  /// What lies behind the walked rows; null in the split layout.
  [[nodiscard]] Fused* fused() { return fused_.get(); }
  [[nodiscard]] const Fused* fused() const { return fused_.get(); }

  void resize(std::size_t rows);
  [[nodiscard]] bool has_retired() const;
  void release_retired();

  /// Encodes the items as the rows of the slots. Throws std::invalid_argument naming the item.
  EncodeSummary encode(const Batch& items, std::span<const Slot> slots, unsigned threads,
                       ItemNames names = {});

  /// Fills a row with zeros.
  void clear(Slot slot);

  /// Becomes a copy of rows of `from`, which has the same model.
  void copy(const Rows& from, std::span<const Slot> slots, const Stretch& told);

  /// Makes queries begin .. end - 1 ready. walk_dim: walked values that count, at most the walked
  /// rows' padded_dim; the others are made zero. Throws std::invalid_argument naming the query.
  void prepare(const Batch& queries, std::size_t begin, std::size_t end, std::size_t walk_dim,
               QuerySet& set) const;

  /// Scratch of searches over these rows.
  [[nodiscard]] ScratchPool& scratch() const { return scratch_; }
  /// The same of searches on a device.
  [[nodiscard]] ScratchPool& device_scratch() const { return device_scratch_; }
  [[nodiscard]] ScratchPool& device_chunks() const { return device_chunks_; }

  /// The vector that a row stands for, as far as it is stored: dim floats.
  void decode(Slot slot, float* to) const;

 private:
  class Encoder;

  /// What the rows that rank hold: what the first level left over, centred vectors, or vectors.
  enum class Second : std::uint8_t { none, rest, centred, raw };

  /// What the score adds for a vector, on either side. centred_norm: squared, about the mean.
  [[nodiscard]] float bias(const float* prepared, double centred_norm) const;

  /// The same for the walked row, given the former. Distances between rows reduced alike are taken
  /// in the reduced space: what was left out correlates among neighbours, and counting its length
  /// but not its product would push them apart.
  [[nodiscard]] float walked_bias(float bias, const float* row) const;

  Config config_;
  Model model_;
  Second second_ = Second::none;
  std::unique_ptr<Storage> walked_;
  std::unique_ptr<Fused> fused_;
  std::unique_ptr<Storage> ranking_;
  mutable ScratchPool scratch_;
  mutable ScratchPool device_scratch_;
  mutable ScratchPool device_chunks_;
};

}  // namespace vecinal
