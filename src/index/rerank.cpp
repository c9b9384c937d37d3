// VectorIndex::rerank: candidates that the caller found, ranked by the full rows.
#include <utility>
#include <vector>

#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "index/candidates.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

Neighbors VectorIndex::rerank(const Batch& queries, std::span<const Id> candidates,
                              const SearchParams& params) const {
  check_queries(queries, params);
  const unsigned threads = resolve_threads(params.threads != 0 ? params.threads : config_.threads);
  ProgressMeter meter(params.progress, queries.count);
  Neighbors hits = no_neighbors(queries.count, params.k);
  const ReaderGate::Pass pass(gate_);
  const Rows& rows = *published_.load(std::memory_order_acquire);
  QuerySet prepared;
  rows.prepare(queries, 0, queries.count, rows.walked().padded_dim(), prepared);
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
  meter.finish();
  return hits;
}

}  // namespace vecinal
