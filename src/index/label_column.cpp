#include "index/label_column.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/check_room.hpp"
#include "core/concat.hpp"

namespace vecinal {
namespace {

constexpr std::size_t max_sets = std::size_t{1} << 32U;  // their numbers have 32 bits

std::uint64_t hash_of(std::span<const Label> labels) {
  // FNV-1a over words, and the finaliser of SplitMix64.
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const Label label : labels)
    hash = (hash ^ static_cast<std::uint64_t>(label)) * 0x100000001B3U;
  hash = (hash ^ (hash >> 30U)) * 0xBF58476D1CE4E5B9U;
  return hash ^ (hash >> 31U);
}

std::vector<Label> as_set(std::span<const Label> labels) {
  std::vector<Label> set(labels.begin(), labels.end());
  std::sort(set.begin(), set.end());
  set.erase(std::unique(set.begin(), set.end()), set.end());
  return set;
}

}  // namespace

void validate_labels(const Labels& labels, std::size_t items, const char* what) {
  if (labels.offsets.empty()) {
    if (!labels.values.empty() && labels.values.size() != items)
      throw std::invalid_argument(
          concat(what, ": ", items, " items but ", labels.values.size(), " labels"));
    return;
  }
  if (labels.offsets.size() != items + 1)
    throw std::invalid_argument(concat(what, ": ", items, " items but ", labels.offsets.size(),
                                       " offsets of labels, expected one more"));
  if (labels.offsets.front() != 0 || labels.offsets.back() != labels.values.size() ||
      !std::is_sorted(labels.offsets.begin(), labels.offsets.end()))
    throw std::invalid_argument(concat(what, ": offsets of labels must ascend from 0 to ",
                                       labels.values.size(), ", the number of labels"));
}

std::span<const Label> labels_of_item(const Labels& labels, std::size_t i) {
  if (labels.values.empty()) return {};
  if (labels.offsets.empty()) return labels.values.subspan(i, 1);
  return labels.values.subspan(labels.offsets[i], labels.offsets[i + 1] - labels.offsets[i]);
}

void LabelColumn::copy(Slot from, Slot to, std::size_t count) {
  if (sets() == 1) return;
  numbers_.resize(count);
  set(to, number(from));
}

void LabelColumn::gather(const LabelColumn& from, std::span<const Slot> slots) {
  std::vector<Number> renamed(from.sets(), 0);
  for (std::size_t i = 0; i < slots.size() && renamed.size() > 1; ++i) {
    const Number old = from.number(slots[i]);
    if (old == 0) continue;
    if (renamed[old] == 0) renamed[old] = number_of(from.set_of(old));
    if (numbers_.empty()) numbers_.resize(slots.size());
    set(static_cast<Slot>(i), renamed[old]);
  }
}

void LabelColumn::swap(LabelColumn& other) noexcept {
  numbers_.swap(other.numbers_);
  ends_.swap(other.ends_);
  values_.swap(other.values_);
  sets_.store(other.sets_.exchange(sets()));
  table_.swap(other.table_);
}

void LabelColumn::truncate(std::size_t count, std::size_t sets) {
  if (numbers_.size() > count) numbers_.resize(sets == 1 ? 0 : count);
  if (this->sets() == sets) return;
  sets_.store(sets, std::memory_order_release);
  ends_.resize(sets == 1 ? 0 : sets);
  values_.resize(sets == 1 ? 0 : ends_[sets - 1]);
  index_sets();
}

void LabelColumn::assign(std::span<const Slot> slots, const Labels& labels, std::size_t count) {
  if (labels.values.empty() && sets() == 1) return;
  // Before any set is published, so that whoever sees it finds a number for each slot.
  numbers_.resize(count);
  std::vector<Number> numbers;
  numbers.reserve(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i)
    numbers.push_back(number_of(as_set(labels_of_item(labels, i))));
  for (std::size_t i = 0; i < slots.size(); ++i) set(slots[i], numbers[i]);
}

void LabelColumn::set(Slot slot, Number number) {
  std::atomic_ref(numbers_[slot]).store(number, std::memory_order_release);
}

std::span<const Label> LabelColumn::set_of(std::size_t number) const {
  if (number == 0) return {};
  const std::uint64_t* ends = ends_.data();
  return {values_.data() + ends[number - 1], ends[number] - ends[number - 1]};
}

std::span<const Label> LabelColumn::of(Slot slot) const {
  const std::size_t known = sets();
  if (known == 1) return {};
  const Number set = number(slot);
  return set < known ? set_of(set) : std::span<const Label>();
}

std::uint64_t LabelColumn::place_of(std::span<const Label> labels) const {
  std::uint64_t place = hash_of(labels);
  for (;; ++place) {
    const auto found = table_.find(place);
    if (found == table_.end() || std::ranges::equal(set_of(found->second), labels)) return place;
  }
}

LabelColumn::Number LabelColumn::number_of(std::span<const Label> labels) {
  if (labels.empty()) return 0;
  const std::uint64_t place = place_of(labels);
  if (const auto found = table_.find(place); found != table_.end()) return found->second;
  const std::size_t number = sets();
  check_room(number, 1, max_sets, "labels", "different sets of labels, the empty one included");
  ends_.reserve(number + 1);
  values_.reserve(values_.size() + labels.size());
  table_[place] = static_cast<Number>(number);
  if (ends_.empty()) ends_.push_back(0);
  for (const Label label : labels) values_.push_back(label);
  ends_.push_back(values_.size());
  sets_.store(number + 1, std::memory_order_release);
  return static_cast<Number>(number);
}

void LabelColumn::index_sets() {
  table_.clear();
  for (std::size_t number = 1; number < sets(); ++number)
    table_[place_of(set_of(number))] = static_cast<Number>(number);
}

std::size_t LabelColumn::bytes() const {
  constexpr std::size_t entry = sizeof(std::pair<std::uint64_t, Number>) + 8;
  return numbers_.bytes() + ends_.bytes() + values_.bytes() +
         (table_.empty() ? 0 : table_.bucket_count() * entry);
}

bool LabelColumn::has_retired() const {
  return numbers_.has_retired() || ends_.has_retired() || values_.has_retired();
}

void LabelColumn::release_retired() {
  numbers_.release_retired();
  ends_.release_retired();
  values_.release_retired();
}

std::string LabelColumn::adopt(std::size_t slots) {
  if (numbers_.size() != slots) return concat("labels: ", numbers_.size(), " for ", slots, " rows");
  if (ends_.size() < 2) return "lends: there are labels but no sets of them";
  if (ends_[0] != 0 || ends_[ends_.size() - 1] != values_.size())
    return "lends: the sets do not end where their labels do";
  for (std::size_t number = 1; number < ends_.size(); ++number) {
    if (ends_[number] <= ends_[number - 1] || ends_[number] > values_.size())
      return concat("lends: set ", number, " is empty or ends before it starts");
    for (std::uint64_t i = ends_[number - 1] + 1; i < ends_[number]; ++i)
      if (values_[i] <= values_[i - 1])
        return concat("lvalues: the labels of set ", number, " do not ascend");
  }
  for (std::size_t slot = 0; slot < slots; ++slot)
    if (numbers_[slot] >= ends_.size())
      return concat("labels: row ", slot, " has a set that there is not");
  sets_.store(ends_.size(), std::memory_order_release);
  index_sets();
  if (table_.size() + 1 != ends_.size()) return "lvalues: a set of labels stands there twice";
  return {};
}

}  // namespace vecinal
