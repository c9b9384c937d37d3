#include "multivector/sets.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/concat.hpp"
#include "core/dot.hpp"
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

void validate_sets(const Batch& sets, std::size_t dim, EmptySets empty, const char* what) {
  if (sets.count != 0 && sets.dim != dim)
    throw std::invalid_argument(concat(what, ": vectors have ", sets.dim, " dims, expected ", dim));
  validate_offsets(sets, empty, what);
  for (std::size_t i = 0; i < sets.items(); ++i)
    for (std::size_t row = sets.begin(i); row < sets.begin(i + 1); ++row) {
      const double squared = dot(sets.row(row), sets.row(row), dim);
      const RowFault fault = !std::isfinite(squared)      ? RowFault::not_finite
                             : squared > max_squared_norm ? RowFault::too_long
                                                          : RowFault::none;
      if (fault != RowFault::none)
        throw std::invalid_argument(
            concat(what, ": vector ", row - sets.begin(i), " of set ", i, " ", describe(fault)));
    }
}

OwnedSets sample_sets(const Batch& sets, std::size_t limit) {
  OwnedSets sample{.dim = sets.dim, .values = {}};
  const std::size_t count = std::min(sets.items(), limit);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t set = i * sets.items() / count;
    for (std::size_t row = sets.begin(set); row < sets.begin(set + 1); ++row)
      sample.values.insert(sample.values.end(), sets.row(row), sets.row(row) + sets.dim);
    sample.offsets.push_back(sample.values.size() / sets.dim);
  }
  return sample;
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
