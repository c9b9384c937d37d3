// What a filter allows, as a bitmap over slots: VectorIndex::allow.
#include "index/allowed.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "index/vector_index.hpp"

namespace vecinal {
namespace {

/// The words of slots that hold items, each put through keep(number of the word, word).
template <class Keep>
void fill_words(const Population& population, Keep keep, std::vector<std::uint64_t>& words) {
  for (std::size_t w = 0; w < words.size(); ++w) {
    const std::uint64_t word = population.words[w];
    words[w] = word == 0 ? 0 : keep(w, word);
  }
}

/// The bits of a word whose slot passes.
template <class Passes>
std::uint64_t keep_bits(std::size_t number, std::uint64_t word, Passes passes) {
  std::uint64_t kept = word;
  for (; word != 0; word &= word - 1) {
    const auto bit = static_cast<std::size_t>(std::countr_zero(word));
    if (!passes(static_cast<Slot>(number * 64 + bit))) kept &= ~(std::uint64_t{1} << bit);
  }
  return kept;
}

/// For each set of labels, whether it has one of these.
std::vector<std::uint8_t> sets_with(const LabelColumn& column, std::vector<Label> wanted) {
  std::sort(wanted.begin(), wanted.end());
  return column.matching([&](std::span<const Label> labels) {
    return std::any_of(labels.begin(), labels.end(), [&](Label label) {
      return std::binary_search(wanted.begin(), wanted.end(), label);
    });
  });
}

/// A bit for each of the slots whose set of labels matches.
std::uint64_t labelled(const LabelColumn& column, std::span<const std::uint8_t> sets,
                       std::size_t begin, std::size_t end) {
  std::uint64_t word = 0;
  for (std::size_t slot = begin; slot < end; ++slot) {
    const LabelColumn::Number number = column.number(static_cast<Slot>(slot));
    // Labels that were given since the sets were looked at do not count yet.
    const std::uint64_t match = number < sets.size() ? sets[number] : 0;
    word |= match << (slot - begin);
  }
  return word;
}

}  // namespace

Allowed Allowed::with_twins(const GraphView& graph) const {
  Allowed all{population, false, false, words, count};
  if (unfiltered) all.words = population->words;
  for_each([&](Slot slot) {
    graph.for_twins(slot, [&](Slot twin) {
      if (twin / 64 < all.words.size()) all.words[twin / 64] |= std::uint64_t{1} << (twin % 64);
    });
  });
  return all;
}

std::vector<Slot> Allowed::sample(const GraphView& graph, std::size_t most) const {
  const LayerView& layer = graph.layers[0];
  const std::size_t step = std::max<std::size_t>(1, count / most);
  std::vector<Slot> chosen;
  std::size_t passed = 0;
  for_each([&](Slot slot) {
    // What has no links hangs on the node of a twin.
    if (slot < layer.count && LayerView::load(*layer.row(slot)) != no_slot && passed++ % step == 0)
      chosen.push_back(slot);
  });
  return chosen;
}

std::vector<std::uint64_t> VectorIndex::allowed_words(const Filter& filter,
                                                      const Population& population) const {
  std::vector<std::uint64_t> words(population.words.size());
  const Id* ids = ids_.ids().data();
  const auto fill = [&](const auto& keep) { fill_words(population, keep, words); };
  const auto fill_by_slot = [&](const auto& passes) {
    fill([&](std::size_t w, std::uint64_t word) { return keep_bits(w, word, passes); });
  };
  const Filter::Rule& rule = filter.rule();
  if (const auto* listed = std::get_if<std::vector<Id>>(&rule)) {
    const std::shared_lock lock(ids_lock_);
    for (const Id id : *listed)
      if (const std::optional<Slot> slot = find_live(id); slot && population.contains(*slot))
        words[*slot / 64] |= std::uint64_t{1} << (*slot % 64);
  } else if (const auto* given = std::get_if<std::span<const std::uint64_t>>(&rule)) {
    const std::span<const std::uint64_t> bits = *given;
    if (ids_are_slots())
      fill([&](std::size_t w, std::uint64_t word) { return w < bits.size() ? word & bits[w] : 0; });
    else
      fill_by_slot([&](Slot slot) {
        const auto id = static_cast<std::uint64_t>(ids[slot]);
        return id / 64 < bits.size() && ((bits[id / 64] >> (id % 64)) & 1U) != 0;
      });
  } else if (const auto* asked = std::get_if<std::function<bool(Id)>>(&rule)) {
    fill_by_slot([&](Slot slot) { return (*asked)(ids[slot]); });
  } else if (const auto* any = std::get_if<Filter::AnyLabel>(&rule)) {
    const std::vector<std::uint8_t> sets = sets_with(labels_, any->labels);
    // The column covers all slots once there are sets to look for.
    if (sets.size() > 1)
      fill([&](std::size_t w, std::uint64_t word) {
        return word & labelled(labels_, sets, w * 64, std::min(population.slots, w * 64 + 64));
      });
  } else if (const auto* joined = std::get_if<Filter::Combination>(&rule)) {
    return joined_words(*joined, population);
  } else {
    fill([](std::size_t, std::uint64_t word) { return word; });
  }
  return words;
}

std::vector<std::uint64_t> VectorIndex::joined_words(const Filter::Combination& joined,
                                                     const Population& population) const {
  std::vector<std::uint64_t> words = allowed_words(joined.parts[0], population);
  if (joined.join == Filter::Join::neither) {
    const std::vector<std::uint64_t>& all = population.words;
    for (std::size_t w = 0; w < words.size(); ++w) words[w] = all[w] & ~words[w];
    return words;
  }
  const std::vector<std::uint64_t> others = allowed_words(joined.parts[1], population);
  for (std::size_t w = 0; w < words.size(); ++w)
    words[w] = joined.join == Filter::Join::both ? words[w] & others[w] : words[w] | others[w];
  return words;
}

Allowed VectorIndex::allow(const Filter& filter) const {
  Allowed allowed;
  allowed.population = seen_.load(std::memory_order_acquire);
  if (filter.allows_everything()) {
    allowed.unfiltered = true;
    allowed.everything = allowed.population->everywhere();
    allowed.count = allowed.population->count;
    return allowed;
  }
  allowed.words = allowed_words(filter, *allowed.population);
  for (const std::uint64_t word : allowed.words)
    allowed.count += static_cast<std::size_t>(std::popcount(word));
  return allowed;
}

bool VectorIndex::ids_are_slots() const {
  const std::shared_lock lock(ids_lock_);
  return ids_.identity();
}

std::vector<Slot> VectorIndex::allowed_slots(const Filter& filter) const {
  const ReaderGate::Pass pass(gate_);
  const Allowed allowed = allow(filter);
  std::vector<Slot> listed;
  listed.reserve(allowed.count);
  allowed.for_each([&](Slot slot) { listed.push_back(slot); });
  return listed;
}

}  // namespace vecinal
