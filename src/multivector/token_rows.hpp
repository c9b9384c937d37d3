/// The vectors of sets: set i is the rows of its extent. Rows that no set has are used for sets to
/// come.
///
/// Rows are kept about the mean of the documents' vectors, which is nearer to where they are, so
/// codes are finer; products with a query then lack <query, mean>, the same for every document.
///
/// lvq8x8: two levels. The first one's rows, lvq8, are fast to compare and tell which sets are
/// worth more; with what the second one's add they are as fine as 16 bits.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/extents.hpp"
#include "core/growable_array.hpp"
#include "encoding/storage.hpp"
#include "vecinal/batch.hpp"
#include "vecinal/config.hpp"

namespace vecinal {

class TokenRows {
 public:
  /// encoding: f32, f16, lvq8 or lvq8x8. mean: dim values.
  TokenRows(std::size_t dim, Encoding encoding, std::span<const float> mean);

  [[nodiscard]] std::size_t sets() const { return extents_.size(); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }  ///< rows of no set included
  [[nodiscard]] std::size_t dim() const { return rows_.dim(); }
  [[nodiscard]] std::span<const float> mean() const { return mean_; }
  [[nodiscard]] const Storage& rows() const { return rows_; }        ///< the first level's
  [[nodiscard]] const Storage* rest() const { return rest_.get(); }  ///< the second's; null if none
  [[nodiscard]] const Storage& full() const { return rest_ ? *rest_ : rows_; }  ///< the last one's
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t bytes_of_row() const {
    return rows_.stride() + (rest_ ? rest_->stride() : 0);
  }

  /// Stores sound sets as those of the numbers, each of which has no rows or follows the last one.
  /// Throws std::invalid_argument naming the set if a value is beyond the encoding's range,
  /// std::length_error if there are too many vectors; nothing has changed then. call: in messages.
  void assign(std::span<const Slot> numbers, const Batch& sets, unsigned threads,
              const char* call = "add");

  /// Rows of the sets are zero and free from now on; no reader may look at them. Nothing has
  /// changed if it throws.
  void release(std::span<const Slot> numbers);

  /// Becomes a copy of sets of `from`, one after the other. This is empty before, with the same
  /// mean and encoding.
  void copy(const TokenRows& from, std::span<const Slot> numbers, const Stretch& told);

  /// Exchanges sets and vectors; no reader may be running.
  void swap(TokenRows& other) noexcept;

  /// What assign() changes, to take it back.
  struct Mark {
    std::size_t sets = 0;
    std::size_t rows = 0;
    FreeExtents free;
    float longest = 0;
  };
  [[nodiscard]] Mark mark() const { return {sets(), size(), free_, longest_}; }
  void take_back(Mark mark, std::span<const Slot> numbers) noexcept;

  [[nodiscard]] Extent extent(std::size_t set) const { return extents_[set]; }

  /// The vectors of a set as they are stored: (number of them) * dim floats.
  void decode(std::size_t set, std::span<float> to) const;

  /// No vector is longer.
  [[nodiscard]] float longest() const { return longest_; }
  void set_longest(float longest) { longest_ = longest; }

  /// Arrays for files: bytes of the rows, and the extent of every set.
  [[nodiscard]] GrowableArray<std::byte>& raw() { return rows_.raw(); }
  [[nodiscard]] const GrowableArray<std::byte>& raw() const { return rows_.raw(); }
  [[nodiscard]] GrowableArray<std::byte>& raw_rest() { return rest_->raw(); }
  [[nodiscard]] GrowableArray<Extent>& extents() { return extents_; }
  [[nodiscard]] const GrowableArray<Extent>& extents() const { return extents_; }

  /// Takes the rows as they were read; false if extents overlap or leave them.
  [[nodiscard]] bool adopt_raw(std::size_t rows);

  [[nodiscard]] bool has_retired() const {
    return rows_.raw().has_retired() || extents_.has_retired() ||
           (rest_ && rest_->raw().has_retired());
  }
  void release_retired();

 private:
  /// change(a level's rows) for each level.
  template <class Change>
  void each_level(const Change& change) {
    change(rows_);
    if (rest_) change(*rest_);
  }

  /// Stores vectors begin .. end - 1 as those rows. Returns the first one that is beyond the
  /// encoding's range, or end.
  std::size_t encode(const Batch& sets, std::size_t begin, std::size_t end,
                     std::span<const Slot> rows, float& longest);
  void clear(Extent extent);

  std::vector<float> mean_;
  Storage rows_;
  std::unique_ptr<Storage> rest_;
  GrowableArray<Extent> extents_;
  FreeExtents free_;
  float longest_ = 0;
};

}  // namespace vecinal
