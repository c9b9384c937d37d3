/// The rows of an index in one encoding, and the Scorer that compares a query with them.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "core/growable_array.hpp"
#include "core/types.hpp"
#include "encoding/codec.hpp"
#include "kernels/kernels.hpp"

namespace vecinal {

/// Floats on a cache-line boundary, zero at first.
class AlignedFloats {
 public:
  explicit AlignedFloats(std::size_t count);
  [[nodiscard]] float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  std::unique_ptr<float[], Free> data_;
};

/// A prepared query and the rows it is compared with: one indirect call scores many slots.
/// A view: query and rows outlive it. Smaller scores are closer.
struct Scorer {
  const float* query = nullptr;  ///< padded_dim floats
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

class Storage {
 public:
  Storage(Encoding encoding, kernels::Op op, std::size_t dim);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t dim() const { return dim_; }
  [[nodiscard]] std::size_t padded_dim() const { return padded_dim_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_.bytes(); }
  [[nodiscard]] kernels::Op op() const { return op_; }
  [[nodiscard]] const Codec& codec() const { return codec_; }

  /// Makes room; new rows are zero. Shrinking forgets rows.
  void resize(std::size_t rows);

  /// row: padded_dim floats. Returns false if a value is outside the encoding's range.
  [[nodiscard]] bool set(Slot slot, const float* row);

  [[nodiscard]] const std::byte* row(Slot slot) const { return bytes_.data() + slot * stride_; }
  void decode(Slot slot, float* to) const { codec_.decode(row(slot), padded_dim_, to); }

  [[nodiscard]] kernels::RowView view() const;
  [[nodiscard]] Scorer scorer(const float* query) const;

  /// The row itself as a query, decoded into scratch (padded_dim floats) if it is not stored as
  /// floats.
  [[nodiscard]] const float* as_query(Slot slot, float* scratch) const;

  GrowableArray<std::byte>& raw() { return bytes_; }
  [[nodiscard]] const GrowableArray<std::byte>& raw() const { return bytes_; }
  void adopt_raw(std::size_t rows) { size_ = rows; }

 private:
  const Codec& codec_;
  kernels::Op op_;
  kernels::ScoreFn kernel_;
  std::size_t dim_;
  std::size_t padded_dim_;
  std::size_t stride_;
  std::size_t size_ = 0;
  GrowableArray<std::byte> bytes_;
};

}  // namespace vecinal
