#include "multivector/sets.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "core/concat.hpp"
#include "core/find_first.hpp"
#include "transform/prepare.hpp"

namespace vecinal {
namespace {

void validate_offsets(const Batch& sets, EmptySets empty, const char* what) {
  if (sets.offsets.empty()) return;
  if (sets.offsets.front() != 0 || sets.offsets.back() != sets.count)
    throw std::invalid_argument(concat(what, ": offsets must go from 0 to ", sets.count,
                                       ", the number of vectors; they go from ",
                                       sets.offsets.front(), " to ", sets.offsets.back()));
  for (std::size_t i = 0; i + 1 < sets.offsets.size(); ++i) {
    if (sets.offsets[i] > sets.offsets[i + 1])
      throw std::invalid_argument(concat(what, ": offset ", i + 1, " is ", sets.offsets[i + 1],
                                         ", below the one before, ", sets.offsets[i]));
    if (sets.offsets[i] == sets.offsets[i + 1] && empty == EmptySets::refused)
      throw std::invalid_argument(concat(what, ": set ", i, " is empty"));
  }
}

}  // namespace

void validate_layout(const Batch& sets, const SetRules& rules, const char* what) {
  if (sets.count != 0 && sets.dim != rules.dim)
    throw std::invalid_argument(
        concat(what, ": vectors have ", sets.dim, " dims, expected ", rules.dim));
  validate_offsets(sets, rules.empty, what);
}

void validate_sets(const Batch& sets, const SetRules& rules, const char* what) {
  validate_layout(sets, rules, what);
  const auto fault = [&](std::size_t row) {
    return fault_of(Metric::chamfer, sets.row(row), rules.dim);
  };
  const std::size_t faulty =
      find_first({.count = sets.count, .grain = 1024, .threads = resolve_threads(rules.threads)},
                 [&](std::size_t row) { return fault(row) != RowFault::none; });
  if (faulty != sets.count) refuse_vector(sets, faulty, describe(fault(faulty)), what);
}

void refuse_vector(const Batch& sets, std::size_t vector, std::string_view why, const char* what) {
  std::size_t set = 0;
  while (sets.begin(set + 1) <= vector) ++set;
  throw std::invalid_argument(
      concat(what, ": vector ", vector - sets.begin(set), " of set ", set, " ", why));
}

void validate_room(std::size_t values, const Batch& sets, std::size_t encoded_dim) {
  if (values != sets.items() * encoded_dim)
    throw std::invalid_argument(concat("fde: out has ", values, " values; ", sets.items(),
                                       " encodings of ", encoded_dim, " need ",
                                       sets.items() * encoded_dim));
}

std::span<const std::size_t> offsets_of(const Batch& sets, std::vector<std::size_t>& made) {
  if (!sets.offsets.empty()) return sets.offsets;
  made.resize(sets.count + 1);
  std::iota(made.begin(), made.end(), std::size_t{0});
  return made;
}

Batch sample_sets(const Batch& sets, std::size_t limit, OwnedSets& held) {
  if (sets.items() <= limit) return sets;
  held = {.dim = sets.dim, .values = {}};
  const auto chosen = [&](std::size_t i) { return i * sets.items() / limit; };
  std::size_t vectors = 0;
  for (std::size_t i = 0; i < limit; ++i)
    vectors += sets.begin(chosen(i) + 1) - sets.begin(chosen(i));
  held.values.reserve(vectors * sets.dim);
  for (std::size_t i = 0; i < limit; ++i) {
    const std::size_t set = chosen(i);
    for (std::size_t row = sets.begin(set); row < sets.begin(set + 1); ++row)
      held.values.insert(held.values.end(), sets.row(row), sets.row(row) + sets.dim);
    held.offsets.push_back(held.values.size() / sets.dim);
  }
  return held.batch();
}

Batch slice(const Batch& sets, std::size_t first, std::size_t count,
            std::vector<std::size_t>& offsets) {
  const std::size_t begin = sets.begin(first);
  offsets.clear();
  for (std::size_t i = first; i <= first + count; ++i) offsets.push_back(sets.begin(i) - begin);
  return {.data = sets.row(begin),
          .count = offsets.back(),
          .dim = sets.dim,
          .stride = sets.stride,
          .offsets = offsets};
}

}  // namespace vecinal
