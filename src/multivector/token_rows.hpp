/// The vectors of sets, side by side: set i is the rows [begin(i), begin(i + 1)).
///
/// Rows are kept about the mean of the documents' vectors, which is nearer to where they are, so
/// codes are finer; products with a query then lack <query, mean>, the same for every document.
#pragma once

#include <span>
#include <vector>

#include "core/growable_array.hpp"
#include "encoding/storage.hpp"
#include "vecinal/batch.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

class TokenRows {
 public:
  /// encoding: f32, f16 or lvq8. mean: dim values.
  TokenRows(std::size_t dim, Encoding encoding, std::span<const float> mean);

  [[nodiscard]] std::size_t sets() const { return ends_.size(); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t dim() const { return rows_.dim(); }
  [[nodiscard]] std::span<const float> mean() const { return mean_; }
  [[nodiscard]] const Storage& rows() const { return rows_; }
  [[nodiscard]] std::size_t bytes() const { return rows_.bytes() + ends_.bytes(); }

  /// Appends sound sets. Throws std::invalid_argument naming the set if a value is beyond the
  /// encoding's range, std::length_error if there are too many vectors; nothing is appended then.
  void append(const Batch& sets, unsigned threads);

  /// Forgets all sets but the first `count`.
  void truncate(std::size_t count);

  /// First row of a set, and the row after its last.
  [[nodiscard]] std::pair<Slot, Slot> range(std::size_t set) const {
    return {set == 0 ? 0 : ends_[set - 1], ends_[set]};
  }

  /// The vectors of a set as they are stored: (number of them) * dim floats.
  void decode(std::size_t set, std::span<float> to) const;

  /// No vector is longer.
  [[nodiscard]] float longest() const { return longest_; }
  void set_longest(float longest) { longest_ = longest; }

  /// Arrays for files: bytes of the rows, and the row after the last one of every set.
  [[nodiscard]] GrowableArray<std::byte>& raw() { return rows_.raw(); }
  [[nodiscard]] const GrowableArray<std::byte>& raw() const { return rows_.raw(); }
  [[nodiscard]] GrowableArray<Slot>& ends() { return ends_; }
  [[nodiscard]] const GrowableArray<Slot>& ends() const { return ends_; }
  void adopt_raw(std::size_t rows) { rows_.adopt_raw(rows); }

  [[nodiscard]] bool has_retired() const {
    return rows_.raw().has_retired() || ends_.has_retired();
  }
  void release_retired() {
    rows_.raw().release_retired();
    ends_.release_retired();
  }

 private:
  void encode(const Batch& sets, std::size_t begin, std::size_t end, std::size_t first,
              QueryBuffer& buffer, float& longest);

  std::vector<float> mean_;
  Storage rows_;
  GrowableArray<Slot> ends_;
  float longest_ = 0;
};

}  // namespace vecinal
