#include "index/tuned_rows.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/concat.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

using Key = std::pair<std::size_t, double>;

Key key_of(const Tuned& row) { return {row.k, row.target}; }

std::string listed(std::span<const Tuned> rows) {
  if (rows.empty()) return "nothing is";
  std::string text;
  for (const Tuned& row : rows)
    text += concat(text.empty() ? "" : ", ", row.target, " at k ", row.k);
  return text + (rows.size() == 1 ? " is" : " are");
}

bool is_share(double value) { return value >= 0 && value <= 1; }

}  // namespace

void validate(const Tuned& tuned) {
  const auto fail = [](const char* field, const char* rule, const auto& got) {
    throw std::invalid_argument(concat("tuned: ", field, " must be ", rule, ", got ", got));
  };
  constexpr std::size_t most_k = std::numeric_limits<std::uint32_t>::max();
  if (!(tuned.target > 0 && tuned.target <= 1)) fail("target", "in (0, 1]", tuned.target);
  if (tuned.k < 1 || tuned.k > most_k) fail("k", "1 to 4,294,967,295", tuned.k);
  if (!is_share(tuned.recall)) fail("recall", "0 to 1", tuned.recall);
  if (!is_share(tuned.checked_recall)) fail("checked_recall", "0 to 1", tuned.checked_recall);
  if (!(tuned.checked_low >= 0 && tuned.checked_low <= tuned.checked_recall))
    fail("checked_low", "0 to checked_recall", tuned.checked_low);
  if (!(tuned.checked_high >= tuned.checked_recall && tuned.checked_high <= 1))
    fail("checked_high", "checked_recall to 1", tuned.checked_high);
  if (tuned.items == 0) fail("items", "at least 1", tuned.items);
  validate(tuned.defaults);
}

TunedRows with_row(std::span<const Tuned> rows, const Tuned& row) {
  TunedRows kept(rows.begin(), rows.end());
  std::erase_if(kept, [&](const Tuned& other) { return key_of(other) == key_of(row); });
  if (row.recall < row.target) return kept;
  const auto after =
      std::upper_bound(kept.begin(), kept.end(), row,
                       [](const Tuned& a, const Tuned& b) { return key_of(a) < key_of(b); });
  kept.insert(after, row);
  return kept;
}

bool asks_for_recall(const SearchParams& params) {
  if (params.recall == 0) return false;
  if (!(params.recall > 0 && params.recall <= 1))
    throw std::invalid_argument(concat("search: recall must be in (0, 1], got ", params.recall));
  if (params.beam != 0 || params.rerank != 0 || params.gamma != 0 || params.reduced_dim != 0 ||
      params.candidates != 0)
    throw std::invalid_argument(
        "search: recall chooses beam, rerank, gamma, candidates and reduced_dim; give it or them");
  return !params.exact;
}

const Tuned& find_row(std::span<const Tuned> rows, double recall, std::size_t k) {
  // Rows ascend by k and target, so the first that will do is the one.
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Tuned& row) {
    return row.target >= recall && (row.k == k || (row.k > k && row.defaults.gamma == 0));
  });
  if (found == rows.end())
    throw std::invalid_argument(concat("search: recall ", recall, " at k ", k, " is not tuned (",
                                       listed(rows), "); call tune(queries, ", recall, ", ", k,
                                       ") with a sample of queries"));
  return *found;
}

std::vector<TunedSection> tuned_sections(std::span<const Tuned> rows) {
  std::vector<TunedSection> sections;
  for (const Tuned& row : rows)
    sections.push_back({.target = row.target,
                        .recall = row.recall,
                        .checked_recall = row.checked_recall,
                        .checked_low = row.checked_low,
                        .checked_high = row.checked_high,
                        .items = row.items,
                        .k = static_cast<std::uint32_t>(row.k),
                        .beam = static_cast<std::uint32_t>(row.defaults.beam),
                        .rerank = static_cast<std::uint32_t>(row.defaults.rerank),
                        .candidates = static_cast<std::uint32_t>(row.defaults.candidates),
                        .gamma = row.defaults.gamma,
                        .reserved = 0});
  return sections;
}

TunedRows read_tuned(const SectionReader& reader, bool sets) {
  if (!reader.has("tuned")) return {};
  const Section& section = reader.section("tuned");
  SectionReader::verify(section);
  const std::size_t count = section.data.size() / sizeof(TunedSection);
  const auto fail = [](const char* what) { throw FormatError(concat("section tuned: ", what)); };
  if (count == 0) fail("it is empty");
  TunedRows rows;
  for (const TunedSection& from : reader.array<TunedSection>("tuned", count)) {
    rows.push_back({.target = from.target,
                    .k = from.k,
                    .defaults = {.beam = from.beam,
                                 .rerank = from.rerank,
                                 .candidates = from.candidates,
                                 .gamma = from.gamma},
                    .recall = from.recall,
                    .checked_recall = from.checked_recall,
                    .checked_low = from.checked_low,
                    .checked_high = from.checked_high,
                    .items = from.items});
    const Tuned& row = rows.back();
    try {
      validate(row);
    } catch (const std::invalid_argument& wrong) {
      fail(wrong.what());
    }
    if (row.recall < row.target) fail("a recall is below its target");
    if (!sets && row.defaults.candidates != 0) fail("candidates are of sets of vectors");
    if (from.reserved != 0) fail("a reserved byte is set");
    if (rows.size() > 1 && !(key_of(rows[rows.size() - 2]) < key_of(row)))
      fail("rows do not ascend");
  }
  return rows;
}

}  // namespace vecinal
