// LabelColumn against a std::set for each slot, used as an index does.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "index/label_column.hpp"
#include "support/steps.hpp"

namespace vecinal {
namespace {

using Set = std::set<Label>;

/// A few labels, and few enough that sets come again.
std::vector<Label> some_labels(unsigned seed) {
  std::vector<Label> labels;
  for (; seed != 0; seed /= 5) labels.push_back(static_cast<Label>(seed % 5));
  return labels;
}

class World {
 public:
  /// `more` new items with these labels.
  void append(unsigned more, const std::vector<Label>& labels) {
    slots_.resize(slots_.size() + more, Set(labels.begin(), labels.end()));
    assign(slots_.size() - more, more, labels);
  }

  /// An add that fails, and is taken back.
  void append_and_take_back(unsigned more, const std::vector<Label>& labels) {
    const std::size_t sets = column_.sets();
    slots_.resize(slots_.size() + more);
    assign(slots_.size() - more, more, labels);
    slots_.resize(slots_.size() - more);
    column_.truncate(slots_.size(), sets);
  }

  void relabel(unsigned slot, const std::vector<Label>& labels) {
    if (slots_.empty()) return;
    slots_[slot % slots_.size()] = Set(labels.begin(), labels.end());
    assign(slot % slots_.size(), 1, labels);
  }

  void clear(unsigned slot) {
    if (slots_.empty()) return;
    slots_[slot % slots_.size()].clear();
    column_.clear(static_cast<Slot>(slot % slots_.size()));
  }

  void copy(unsigned from, unsigned to) {
    if (slots_.empty()) return;
    slots_[to % slots_.size()] = slots_[from % slots_.size()];
    column_.copy(static_cast<Slot>(from % slots_.size()), static_cast<Slot>(to % slots_.size()),
                 slots_.size());
  }

  /// Leaves out one slot in `every`.
  void compact(unsigned every) {
    std::vector<Slot> kept;
    std::vector<Set> left;
    for (Slot slot = 0; slot < slots_.size(); ++slot) {
      if (slot % every == 0) continue;
      kept.push_back(slot);
      left.push_back(slots_[slot]);
    }
    LabelColumn smaller;
    smaller.gather(column_, kept);
    column_.swap(smaller);
    slots_.swap(left);
    std::set<Set> different(slots_.begin(), slots_.end());
    different.insert(Set());
    RC_ASSERT(column_.sets() == different.size());
  }

  /// As a file that is written and loaded.
  void reload() {
    if (column_.sets() == 1) return;
    LabelColumn loaded;
    const auto refill = [](auto& to, const auto& from) {
      to.resize(from.size());
      std::ranges::copy(from.view(), to.data());
    };
    refill(loaded.numbers(), column_.numbers());
    refill(loaded.ends(), column_.ends());
    refill(loaded.values(), column_.values());
    RC_ASSERT(loaded.adopt(slots_.size()) == "");
    column_.swap(loaded);
  }

  void check() const {
    const auto with_three = column_.matching([](std::span<const Label> labels) {
      return std::ranges::find(labels, Label{3}) != labels.end();
    });
    for (Slot slot = 0; slot < slots_.size(); ++slot) {
      RC_ASSERT(std::ranges::equal(column_.of(slot), slots_[slot]));
      if (column_.sets() > 1)
        RC_ASSERT((with_three[column_.number(slot)] != 0) == slots_[slot].contains(3));
    }
  }

 private:
  void assign(std::size_t first, std::size_t count, const std::vector<Label>& labels) {
    std::vector<Slot> slots(count);
    std::iota(slots.begin(), slots.end(), static_cast<Slot>(first));
    std::vector<Label> values;
    std::vector<std::size_t> offsets = {0};
    for (std::size_t i = 0; i < count; ++i) {
      values.insert(values.end(), labels.begin(), labels.end());
      offsets.push_back(values.size());
    }
    column_.assign(slots, {values, offsets}, slots_.size());
  }

  LabelColumn column_;
  std::vector<Set> slots_;
};

RC_GTEST_PROP(LabelColumnProperties, SlotsHaveTheLabelsTheyWereGiven, ()) {
  World world;
  for (const auto& [kind, a, b] : *test::steps(7)) {
    if (kind == 0) world.append(a % 4, some_labels(b));
    if (kind == 1) world.append_and_take_back(a % 4, some_labels(b));
    if (kind == 2) world.relabel(a, some_labels(b));
    if (kind == 3) world.clear(a);
    if (kind == 4) world.copy(a, b);
    if (kind == 5) world.compact(2 + a % 5);
    if (kind == 6) world.reload();
    world.check();
  }
}

}  // namespace
}  // namespace vecinal
