// VectorIndex::rerank: candidates that the caller found, ranked by the full rows.
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "index/candidates.hpp"
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
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count), found.end());
  for (std::size_t i = 0; i < count; ++i) {
    hits.distances[query * hits.k + i] = found[i].first;
    hits.ids[query * hits.k + i] = found[i].second;
  }
  hits.counts[query] = static_cast<std::uint32_t>(count);
}

Neighbors no_neighbors(std::size_t queries, std::size_t k) {
  Neighbors hits{.queries = queries, .k = k, .ids = {}, .distances = {}, .counts = {}, .stats = {}};
  hits.ids.assign(queries * k, no_id);
  hits.distances.assign(queries * k, std::numeric_limits<float>::infinity());
  hits.counts.assign(queries, 0);
  return hits;
}

Neighbors VectorIndex::rerank(const Batch& queries, std::span<const Id> candidates,
                              const SearchParams& params) const {
  check_queries(queries, params);
  const unsigned threads = resolve_threads(params.threads != 0 ? params.threads : config_.threads);
  ProgressMeter meter(params.progress, queries.count);
  Neighbors hits = no_neighbors(queries.count, params.k);
  const ReaderGate::Pass pass(gate_);
  const Rows& rows = *published_.load(std::memory_order_acquire);
  const QuerySet prepared = rows.prepare(queries, rows.walked().padded_dim());
  const CandidateLists lists(*this, queries.count, candidates);
  parallel_for(
      {.count = queries.count, .grain = 4, .threads = threads},
      [&](std::size_t begin, std::size_t end, unsigned) {
        QueryBuffer buffer(rows.ranking());
        std::vector<float> scores;
        std::vector<std::pair<float, Id>> found;
        for (std::size_t q = begin; q < end; ++q) {
          const std::span<const Slot> slots = lists[q];
          scores.resize(slots.size());
          rows.ranking().scorer(prepared.ranking()[q], buffer)(slots.data(), slots.size(),
                                                               scores.data());
          found.clear();
          for (std::size_t i = 0; i < slots.size(); ++i)
            found.emplace_back(distance_of(config_.metric, scores[i]), id_of(slots[i]));
          write_best(q, found, hits);
        }
      },
      [&](std::size_t done) { meter.update(done); });
  hits.stats.reranked = lists.size();
  hits.stats.distances = lists.size();
  if (params.progress) params.progress(queries.count, queries.count);
  return hits;
}

}  // namespace vecinal
