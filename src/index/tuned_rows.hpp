/// The settings that tune() found, by k and recall: which of them a search gets that asks for a
/// recall, and how a file keeps them. Lists are never changed, only replaced.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/section_file.hpp"
#include "vecinal/index.hpp"

namespace vecinal {

/// Ascending by k, then by target; no two are of the same.
using TunedRows = std::vector<Tuned>;

/// The list with one more row, in place of that of the same k and target; one that falls short of
/// its target only takes the other away.
[[nodiscard]] TunedRows with_row(std::span<const Tuned> rows, const Tuned& row);

/// True if the params ask for a recall that only tuned settings answer. Throws
/// std::invalid_argument if it is out of range or other settings are given beside it.
[[nodiscard]] bool asks_for_recall(const SearchParams& params);

/// The least target that is no less than the recall, at this k or else at the next larger one.
/// There only if gamma does not end its walks: how far k of them lie says little of fewer. Throws
/// std::invalid_argument saying what there is.
[[nodiscard]] const Tuned& find_row(std::span<const Tuned> rows, double recall, std::size_t k);

/// A row in the section "tuned" of a file.
struct TunedSection {
  double target;
  double recall;
  double checked_recall;
  double checked_low;
  double checked_high;
  std::uint64_t items;
  std::uint32_t k;
  std::uint32_t beam;
  std::uint32_t rerank;
  std::uint32_t candidates;
  float gamma;
  std::uint32_t reserved;
};
static_assert(sizeof(TunedSection) == 72);

[[nodiscard]] std::vector<TunedSection> tuned_sections(std::span<const Tuned> rows);

/// Empty if there is no such section. sets: it is of an index of sets, where candidates count.
/// Throws FormatError.
[[nodiscard]] TunedRows read_tuned(const SectionReader& reader, bool sets);

}  // namespace vecinal
