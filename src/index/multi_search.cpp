// Searching a MultiVectorIndex: candidates by their encodings, or all allowed sets, ranked by their
// vectors.
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "index/candidates.hpp"
#include "index/multi_vector_index.hpp"
#include "multivector/chamfer.hpp"
#include "multivector/sets.hpp"

namespace vecinal {
namespace {

/// Queries whose encodings and candidates are held at a time.
constexpr std::size_t queries_at_once = 256;

constexpr std::size_t least_candidates = 100;

}  // namespace

/// One search call on the sets as they were when it began.
struct MultiVectorIndex::Searcher {
  const MultiVectorIndex& index;
  const Sets& sets;
  const Batch& queries;
  const SearchParams& params;
  unsigned threads;
  ProgressMeter& meter;
  Neighbors& hits;

  /// Ranks lists(i) for query first + i.
  template <class Lists>
  void rank(std::size_t first, std::size_t count, const Lists& lists) const;

  /// Candidates of a few queries, and their ranking.
  void search_some(std::size_t first, std::size_t count, const Filter& filter,
                   std::size_t candidates) const;

 private:
  [[nodiscard]] std::vector<std::unique_ptr<ChamferQuery>> prepare(std::size_t first,
                                                                   std::size_t count) const;
};

std::vector<std::unique_ptr<ChamferQuery>> MultiVectorIndex::Searcher::prepare(
    std::size_t first, std::size_t count) const {
  std::vector<std::unique_ptr<ChamferQuery>> prepared(count);
  parallel_for({.count = count, .grain = 1, .threads = threads}, [&](std::size_t begin,
                                                                     std::size_t end, unsigned) {
    for (std::size_t i = begin; i < end; ++i)
      prepared[i] = std::make_unique<ChamferQuery>(sets.tokens, queries, queries.begin(first + i),
                                                   queries.begin(first + i + 1), params.carving);
  });
  return prepared;
}

template <class Lists>
void MultiVectorIndex::Searcher::rank(std::size_t first, std::size_t count,
                                      const Lists& lists) const {
  const auto prepared = prepare(first, count);
  // One range of (query, candidate) pairs for all threads: few queries use them all too.
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < count; ++i)
    ends.push_back((i == 0 ? 0 : ends.back()) + lists(i).size());
  const std::size_t pairs = count == 0 ? 0 : ends.back();
  std::vector<float> scores(pairs);
  std::vector<std::unique_ptr<ChamferScratch>> scratches(threads);
  constexpr std::size_t grain = 32;
  parallel_for(
      {.count = pairs, .grain = grain, .threads = threads},
      [&](std::size_t begin, std::size_t end, unsigned worker) {
        if (scratches[worker] == nullptr)
          scratches[worker] = std::make_unique<ChamferScratch>(sets.tokens.rows());
        auto i = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), begin) -
                                          ends.begin());
        for (std::size_t pair = begin; pair < end; ++pair) {
          while (pair >= ends[i]) ++i;
          const std::span<const Slot> list = lists(i);
          scores[pair] = prepared[i]->score(list[pair + list.size() - ends[i]], *scratches[worker]);
        }
      },
      [&](std::size_t) { meter.update(first); });
  std::vector<std::pair<float, Id>> found;
  for (std::size_t i = 0; i < count; ++i) {
    const std::span<const Slot> list = lists(i);
    found.clear();
    for (std::size_t j = 0; j < list.size(); ++j)
      found.emplace_back(0.0F - scores[ends[i] - list.size() + j], index.inner_->id_of(list[j]));
    write_best(first + i, found, hits);
  }
  hits.stats.reranked += pairs;
}

void MultiVectorIndex::Searcher::search_some(std::size_t first, std::size_t count,
                                             const Filter& filter, std::size_t candidates) const {
  std::vector<std::size_t> offsets;
  const Batch part = slice(queries, first, count, offsets);
  std::vector<float> encodings(count * sets.encoder.encoded_dim());
  sets.encoder.encode_queries(part, encodings);
  const Neighbors found = index.inner_->search(
      {.data = encodings.data(), .count = count, .dim = sets.encoder.encoded_dim()},
      {.k = candidates,
       .beam = params.beam,
       .rerank = params.rerank,
       .reduced_dim = params.reduced_dim,
       .filter = filter,
       .plan = params.plan,
       .threads = threads});
  hits.stats.hops += found.stats.hops;
  hits.stats.distances += found.stats.distances;
  hits.stats.reranked += found.stats.reranked;
  hits.stats.allowed = found.stats.allowed;
  hits.stats.plan = found.stats.plan;
  const CandidateLists lists(*index.inner_, count, found.ids);
  rank(first, count, [&](std::size_t i) { return lists[i]; });
}

void MultiVectorIndex::check_queries(const Batch& queries, const SearchParams& params) const {
  validate_sets(queries, config_.dim, EmptySets::refused, "search");
  validate_k(queries.items(), params.k);
  if (!(params.carving >= 0 && params.carving <= 1))
    throw std::invalid_argument(concat("search: carving must be 0 to 1, got ", params.carving));
}

MultiVectorIndex::Searcher MultiVectorIndex::make_searcher(const Batch& queries,
                                                           const SearchParams& params,
                                                           ProgressMeter& meter,
                                                           Neighbors& hits) const {
  return {*this,
          *published_.load(std::memory_order_acquire),
          queries,
          params,
          resolve_threads(params.threads != 0 ? params.threads : config_.threads),
          meter,
          hits};
}

std::size_t MultiVectorIndex::candidates_of(const SearchParams& params) const {
  const std::size_t usual = std::max(least_candidates, 10 * params.k);
  const std::size_t kept = candidates_.load(std::memory_order_relaxed);
  const std::size_t wanted = params.candidates != 0 ? params.candidates : kept != 0 ? kept : usual;
  return std::min(std::max(params.k, wanted), std::max<std::size_t>(size(), 1));
}

Neighbors MultiVectorIndex::search(const Batch& queries, const SearchParams& params) const {
  check_queries(queries, params);
  const std::size_t count = queries.items();
  ProgressMeter meter(params.progress, count);
  Neighbors hits = no_neighbors(count, params.k);
  const ReaderGate::Pass pass(gate_);
  const Searcher searcher = make_searcher(queries, params, meter, hits);
  const std::size_t candidates = candidates_of(params);
  Filter filter = params.filter;
  if (const auto* asked = std::get_if<std::function<bool(Id)>>(&filter.rule()); asked != nullptr) {
    // Asked once, not again for every few queries.
    std::vector<Id> allowed = inner_->ids();
    std::erase_if(allowed, [&](Id id) { return !(*asked)(id); });
    filter = Filter::ids(allowed);
  }
  std::vector<Slot> all;
  if (params.exact) all = inner_->allowed_slots(filter);
  for (std::size_t first = 0; first < count; first += queries_at_once) {
    const std::size_t some = std::min(queries_at_once, count - first);
    if (params.exact)
      for (std::size_t i = 0; i < some; ++i)
        searcher.rank(first + i, 1, [&](std::size_t) { return std::span<const Slot>(all); });
    else
      searcher.search_some(first, some, filter, candidates);
    meter.update(first + some);
  }
  if (params.exact) {
    hits.stats.exact = count;
    hits.stats.allowed = all.size();
    hits.stats.plan = Plan::scan;
  }
  if (params.progress) params.progress(count, count);
  return hits;
}

Neighbors MultiVectorIndex::rerank(const Batch& queries, std::span<const Id> candidates,
                                   const SearchParams& params) const {
  check_queries(queries, params);
  const std::size_t count = queries.items();
  ProgressMeter meter(params.progress, count);
  Neighbors hits = no_neighbors(count, params.k);
  const ReaderGate::Pass pass(gate_);
  const CandidateLists lists(*inner_, count, candidates);
  const Searcher searcher = make_searcher(queries, params, meter, hits);
  searcher.rank(0, count, [&](std::size_t i) { return lists[i]; });
  if (params.progress) params.progress(count, count);
  return hits;
}

}  // namespace vecinal
