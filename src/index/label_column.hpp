/// The labels of items: for each slot the number of a set of labels, and the sets. Items with the
/// same labels share a set, so that an item costs four bytes, however many labels it has.
///
/// One writer; what searches read (view(), evaluate()) may be read beside it for slots that were
/// visible before, as long as outgrown memory is kept (core/growable_array).
#pragma once

#include <tsl/robin_map.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/growable_array.hpp"
#include "core/types.hpp"
#include "vecinal/batch.hpp"

namespace vecinal {

/// Throws std::invalid_argument if labels do not go with so many items. what: of the message.
void validate_labels(const Labels& labels, std::size_t items, const char* what);

/// The labels of item i.
[[nodiscard]] std::span<const Label> labels_of_item(const Labels& labels, std::size_t i);

class LabelColumn {
 public:
  /// The number of a set; 0 is the empty one.
  using Number = std::uint32_t;

  /// Forgets slots from `count` on, and sets from number `sets` on.
  void truncate(std::size_t count, std::size_t sets);

  /// Other labels for some of `count` slots, all or nothing.
  void assign(std::span<const Slot> slots, const Labels& labels, std::size_t count);

  /// A slot has no labels from now on.
  void clear(Slot slot) noexcept {
    if (slot < numbers_.size()) set(slot, 0);
  }

  /// Of `count` slots, `to` gets the labels of `from`.
  void copy(Slot from, Slot to, std::size_t count);

  /// Of an empty column: slots 0, 1, ... get the labels of these of another one. Sets that none of
  /// them has are left behind.
  void gather(const LabelColumn& from, std::span<const Slot> slots);

  /// No reader may be running.
  void swap(LabelColumn& other) noexcept;

  /// Sets there are, the empty one included; 1 as long as no item had a label.
  [[nodiscard]] std::size_t sets() const { return sets_.load(std::memory_order_acquire); }

  /// Of a slot that searches see: ascending, each once.
  [[nodiscard]] std::span<const Label> of(Slot slot) const;

  /// For each set whether holds(labels) is true.
  template <class Holds>
  [[nodiscard]] std::vector<std::uint8_t> matching(Holds holds) const {
    std::vector<std::uint8_t> matches(sets());
    const std::uint64_t* ends = ends_.data();
    const Label* values = values_.data();
    for (std::size_t number = 0; number < matches.size(); ++number) {
      const std::uint64_t begin = number == 0 ? 0 : ends[number - 1];
      const std::uint64_t end = number == 0 ? 0 : ends[number];
      matches[number] = holds(std::span<const Label>(values + begin, end - begin)) ? 1 : 0;
    }
    return matches;
  }

  /// The number of a slot that searches see; only where there is more than the empty set.
  [[nodiscard]] Number number(Slot slot) const {
    return std::atomic_ref(const_cast<Number&>(numbers_.data()[slot]))
        .load(std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] bool has_retired() const;
  void release_retired();

  /// Of a file that was read: what is wrong with it, or nothing. Must be called before use.
  [[nodiscard]] std::string adopt(std::size_t slots);

  GrowableArray<Number>& numbers() { return numbers_; }
  GrowableArray<std::uint64_t>& ends() { return ends_; }
  GrowableArray<Label>& values() { return values_; }
  [[nodiscard]] const GrowableArray<Number>& numbers() const { return numbers_; }
  [[nodiscard]] const GrowableArray<std::uint64_t>& ends() const { return ends_; }
  [[nodiscard]] const GrowableArray<Label>& values() const { return values_; }

 private:
  void set(Slot slot, Number number);
  [[nodiscard]] std::span<const Label> set_of(std::size_t number) const;
  /// Of a set, which is made if there is none like it.
  Number number_of(std::span<const Label> labels);
  /// The place of a set in the table: its hash, or the next free one.
  [[nodiscard]] std::uint64_t place_of(std::span<const Label> labels) const;
  void index_sets();

  GrowableArray<Number> numbers_;      ///< by slot; empty as long as no item had a label
  GrowableArray<std::uint64_t> ends_;  ///< where the values of each set end; set 0 has none
  GrowableArray<Label> values_;
  std::atomic<std::size_t> sets_{1};
  tsl::robin_map<std::uint64_t, Number> table_;
};

}  // namespace vecinal
