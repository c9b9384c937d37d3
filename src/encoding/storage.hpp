/// The rows of an index in one encoding, and the Scorer that compares a query with them.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

#include "core/aligned_array.hpp"
#include "core/growable_array.hpp"
#include "core/progress.hpp"
#include "core/types.hpp"
#include "encoding/codec.hpp"
#include "kernels/kernels.hpp"

namespace vecinal {

/// A prepared query and the rows it is compared with: one indirect call scores many slots.
/// A view: query and rows outlive it. Smaller scores are closer.
struct Scorer {
  kernels::QueryView query;
  kernels::RowView rows;
  kernels::ScoreFn kernel = nullptr;

  void operator()(const Slot* slots, std::size_t count, float* scores) const {
    kernel(query, rows, slots, count, scores);
  }
  [[nodiscard]] float operator()(Slot slot) const {
    float score = 0;
    kernel(query, rows, &slot, 1, &score);
    return score;
  }
};

/// What rows are and how they are compared.
///
/// Float rows have a direct kernel for each op. Codes have one affine form for every metric,
///   score = constant(query) + bias(row) + weight * <query, row>,
/// where a row as a query has the constant origin + bias(row).
struct RowFormat {
  kernels::RowType type = kernels::RowType::f32;
  kernels::Op op = kernels::Op::l2;  ///< float rows
  std::size_t dim = 0;
  bool fitted = false;   ///< codes: grids fitted by least squares
  float weight = -1;     ///< codes
  float origin = 0;      ///< codes
  float correction = 0;  ///< codes: the bias gets this times <row, decoded - row>
  std::size_t tail = 0;  ///< bytes kept behind each row, whose meaning is not the Storage's;
                         ///< with them, rows start on cache lines
};

/// A query in the space of the rows.
struct Query {
  const float* values = nullptr;  ///< padded_dim floats
  float constant = 0;             ///< codes: what the score adds for the query
};

/// Rounds a query to integers of which, times the number returned, it is made: as fine as 16 bits
/// and `max_sum`, which the sum of their magnitudes stays within, allow. 0 for a query of zeros.
float to_steps(const float* query, std::size_t padded_dim, std::int32_t max_sum,
               std::int16_t* steps);

class Storage;

/// Scratch in which queries of one Storage are made ready.
class QueryBuffer {
 public:
  explicit QueryBuffer(const Storage& rows);
  [[nodiscard]] float* values() const { return values_.data(); }
  [[nodiscard]] std::int16_t* steps() const { return steps_.data(); }

 private:
  AlignedFloats values_;
  AlignedArray<std::int16_t> steps_;
};

/// What encoding a row did to it.
struct Encoded {
  bool in_range = true;
  double squared_error = 0;  ///< of the row, all levels
  double squared_norm = 0;
  std::size_t clipped = 0;  ///< values farther from their code than half a gap
};

class Storage {
 public:
  /// base: for types of two levels, the rows of the first one, which must outlive this.
  explicit Storage(const RowFormat& format, const Storage* base = nullptr);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const RowFormat& format() const { return format_; }
  [[nodiscard]] std::size_t dim() const { return format_.dim; }
  [[nodiscard]] std::size_t padded_dim() const { return padded_dim_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }

  /// Of a row itself: the stride without its tail.
  [[nodiscard]] std::size_t row_bytes() const { return row_bytes_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_.bytes(); }
  [[nodiscard]] const Codec& codec() const { return codec_; }

  /// Makes room; new rows are zero. Shrinking forgets rows.
  void resize(std::size_t rows);

  /// row: padded_dim floats. bias: codes only. buffer: of this Storage.
  Encoded set(Slot slot, const float* row, float bias, QueryBuffer& buffer);

  /// Fills a row and its tail with zeros.
  void clear(Slot slot) { std::memset(bytes_.data() + slot * stride_, 0, stride_); }

  /// Becomes a copy of rows of another Storage of the same format.
  void copy(const Storage& from, std::span<const Slot> slots, const Stretch& told) {
    resize(slots.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      told.step(i, slots.size());
      std::memcpy(bytes_.data() + i * stride_, from.row(slots[i]), stride_);
    }
  }

  [[nodiscard]] const std::byte* row(Slot slot) const { return bytes_.data() + slot * stride_; }
  [[nodiscard]] std::byte* tail(Slot slot) { return bytes_.data() + slot * stride_ + row_bytes_; }

  /// Has a row brought into the cache.
  void prefetch(Slot slot) const;

  /// to: padded_dim floats. scratch: as many, for types of two levels.
  void decode(Slot slot, float* to, float* scratch) const;

  [[nodiscard]] float bias(Slot slot) const;
  [[nodiscard]] kernels::RowView view() const;

  /// The Scorer of a query, valid as long as query and buffer are unchanged.
  [[nodiscard]] Scorer scorer(const Query& query, const QueryBuffer& buffer) const;

  /// The Scorer of a query that has been made ready by another one, and is still there.
  [[nodiscard]] Scorer scorer(const kernels::QueryView& query) const {
    return {query, view(), kernel_};
  }

  /// The Scorer of a stored row; not for types of two levels.
  [[nodiscard]] Scorer scorer_of(Slot slot, const QueryBuffer& buffer) const;

  /// The query that scorer() really compares: rounded to steps where rows are codes.
  void rounded(const Query& query, const QueryBuffer& buffer, float* to) const;

  GrowableArray<std::byte>& raw() { return bytes_; }
  [[nodiscard]] const GrowableArray<std::byte>& raw() const { return bytes_; }
  void adopt_raw(std::size_t rows) { size_ = rows; }

 private:
  [[nodiscard]] Scorer code_scorer(const std::int16_t* steps, float size, float constant) const;
  Encoded finish(Slot slot, const float* row, float bias, const float* decoded);

  RowFormat format_;
  const Codec& codec_;
  const Storage* base_;
  kernels::ScoreFn kernel_;
  std::size_t padded_dim_;
  std::size_t row_bytes_;
  std::size_t stride_;
  std::size_t size_ = 0;
  GrowableArray<std::byte> bytes_;
};

}  // namespace vecinal
