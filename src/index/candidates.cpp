#include "index/candidates.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/concat.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

CandidateLists::CandidateLists(const VectorIndex& index, std::size_t queries,
                               std::span<const Id> candidates) {
  if (queries == 0 ? !candidates.empty() : candidates.size() % queries != 0)
    throw std::invalid_argument(concat("rerank: ", candidates.size(), " candidates do not go with ",
                                       queries, " queries: give as many for each"));
  const std::size_t width = queries == 0 ? 0 : candidates.size() / queries;
  for (std::size_t q = 0; q < queries; ++q) {
    const std::vector<Slot> slots = index.slots_of(candidates.subspan(q * width, width));
    slots_.insert(slots_.end(), slots.begin(), slots.end());
    ends_.push_back(slots_.size());
  }
}

void write_best(std::size_t query, std::vector<std::pair<float, Id>>& found, Neighbors& hits) {
  const std::size_t count = std::min(hits.k, found.size());
  // A sort takes less than a heap where all are wanted, which are mostly in order as it is.
  if (count == found.size())
    std::sort(found.begin(), found.end());
  else
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count),
                      found.end());
  for (std::size_t i = 0; i < count; ++i) {
    hits.distances[query * hits.k + i] = found[i].first;
    hits.ids[query * hits.k + i] = found[i].second;
  }
  hits.counts[query] = static_cast<std::uint32_t>(count);
}

void validate_k(std::size_t queries, std::size_t k) {
  if (k == 0) throw std::invalid_argument("search: k must be at least 1");
  if (queries != 0 && k > std::numeric_limits<std::uint32_t>::max() / queries)
    throw std::invalid_argument(
        concat("search: ", queries, " queries times k = ", k, " results is more than 2^32"));
}

Neighbors no_neighbors(std::size_t queries, std::size_t k) {
  Neighbors hits{.queries = queries, .k = k, .ids = {}, .distances = {}, .counts = {}, .stats = {}};
  hits.ids.assign(queries * k, no_id);
  hits.distances.assign(queries * k, std::numeric_limits<float>::infinity());
  hits.counts.assign(queries, 0);
  return hits;
}

float distance_of(Metric metric, float score) {
  switch (metric) {
    case Metric::cosine:
      return std::max(0.0F, 1.0F + score);
    case Metric::l2:
      return std::max(0.0F, score);
    case Metric::inner_product:
    case Metric::chamfer:
      break;
  }
  return score + 0.0F;
}

}  // namespace vecinal
