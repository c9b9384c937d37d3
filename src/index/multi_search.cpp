// Searching a MultiVectorIndex: candidates by their encodings, or all allowed sets, ranked by their
// vectors.
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "backend/set_queries.hpp"
#include "core/best_rows.hpp"
#include "core/concat.hpp"
#include "core/deadline.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "index/candidates.hpp"
#include "index/multi_vector_index.hpp"
#include "index/screen.hpp"
#include "multivector/chamfer.hpp"
#include "multivector/sets.hpp"

namespace vecinal {
namespace {

/// Queries whose encodings and candidates are held at a time.
constexpr std::size_t queries_at_once = 256;

/// The ranking of so many is not cut short.
constexpr std::size_t queries_until_a_deadline = 4;

constexpr std::size_t least_candidates = 100;

/// Sets that are ranked for each query, one list after another.
class RankedLists {
 public:
  template <class Lists>
  RankedLists(std::size_t queries, const Lists& lists) {
    for (std::size_t i = 0; i < queries; ++i) {
      lists_.push_back(lists(i));
      ends_.push_back(pairs() + lists_.back().size());
    }
  }

  [[nodiscard]] std::size_t queries() const { return lists_.size(); }
  [[nodiscard]] std::size_t pairs() const { return ends_.empty() ? 0 : ends_.back(); }
  [[nodiscard]] std::span<const std::size_t> ends() const { return ends_; }
  [[nodiscard]] std::span<const Slot> operator[](std::size_t query) const { return lists_[query]; }
  [[nodiscard]] std::size_t begin(std::size_t query) const {
    return query == 0 ? 0 : ends_[query - 1];
  }

 private:
  std::vector<std::span<const Slot>> lists_;
  std::vector<std::size_t> ends_;
};

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
  Deadline deadline;
  SearchDefaults usual;  ///< what params leave open

  /// Ranks lists(i) for query first + i.
  template <class Lists>
  void rank(std::size_t first, std::size_t count, const Lists& lists) const;

  /// Candidates of a few queries, and their ranking.
  void search_some(std::size_t first, std::size_t count, const Filter& filter,
                   std::size_t candidates) const;

 private:
  /// Similarities of query first + i with the sets of list i, by the host or by its device, which
  /// has the first level of vectors only.
  void score(std::size_t first, const RankedLists& lists, TokenLevel level,
             std::span<float> scores) const;
  void score_on_device(std::size_t first, const RankedLists& lists, std::span<float> scores) const;

  /// Answers of query first + i from the sets of list i and their similarities.
  void write(std::size_t first, const RankedLists& lists, std::span<const float> scores) const;
  /// The same, where the similarities are those of the first level: the best of them are taken
  /// again in full.
  void write_checked(std::size_t first, const RankedLists& lists,
                     std::span<const float> scores) const;

  /// make(i, begin, end) for each of these queries and its vectors.
  template <class Make>
  void prepare(std::size_t first, std::size_t count, const Make& make) const;
};

template <class Make>
void MultiVectorIndex::Searcher::prepare(std::size_t first, std::size_t count,
                                         const Make& make) const {
  parallel_for({.count = count, .grain = 1, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i)
                   make(i, queries.begin(first + i), queries.begin(first + i + 1));
               });
}

void MultiVectorIndex::Searcher::score(std::size_t first, const RankedLists& lists,
                                       TokenLevel level, std::span<float> scores) const {
  std::vector<std::unique_ptr<ChamferQuery>> prepared(lists.queries());
  prepare(first, lists.queries(), [&](std::size_t i, std::size_t begin, std::size_t end) {
    prepared[i] =
        std::make_unique<ChamferQuery>(sets.tokens, queries, begin, end, params.carving, level);
  });
  std::vector<std::unique_ptr<ChamferScratch>> scratches(threads);
  constexpr std::size_t grain = 32;
  // One range of (query, candidate) pairs for all threads: few queries use them all too.
  parallel_for(
      {.count = lists.pairs(), .grain = grain, .threads = threads},
      [&](std::size_t begin, std::size_t end, unsigned worker) {
        if (scratches[worker] == nullptr)
          scratches[worker] = std::make_unique<ChamferScratch>(sets.tokens);
        auto i = static_cast<std::size_t>(
            std::upper_bound(lists.ends().begin(), lists.ends().end(), begin) -
            lists.ends().begin());
        for (std::size_t pair = begin; pair < end; ++pair) {
          while (pair >= lists.ends()[i]) ++i;
          const std::size_t next = std::min(pair + 1, lists.ends()[i] - 1);
          scores[pair] = prepared[i]->score(lists[i][pair - lists.begin(i)], *scratches[worker],
                                            lists[i][next - lists.begin(i)]);
        }
      },
      [&](std::size_t) { meter.update(first); });
}

void MultiVectorIndex::Searcher::score_on_device(std::size_t first, const RankedLists& lists,
                                                 std::span<float> scores) const {
  std::vector<ChamferVectors> prepared(lists.queries());
  prepare(first, lists.queries(), [&](std::size_t i, std::size_t begin, std::size_t end) {
    prepared[i] = chamfer_vectors(sets.tokens, queries, begin, end, params.carving);
  });
  SetQueryArrays arrays(sets.tokens.rows());
  std::vector<RowRange> ranges;
  ranges.reserve(lists.pairs());
  for (std::size_t i = 0; i < lists.queries(); ++i) {
    arrays.add(prepared[i].values, prepared[i].mean_product);
    for (const Slot set : lists[i]) {
      const auto [begin, end] = sets.tokens.extent(set);
      ranges.push_back({begin, end});
    }
  }
  index.mirror_->score(sets.tokens, arrays.block(ranges, lists.ends()), scores);
}

template <class Lists>
void MultiVectorIndex::Searcher::rank(std::size_t first, std::size_t count,
                                      const Lists& lists) const {
  const RankedLists ranked(count, lists);
  std::vector<float> scores(ranked.pairs());
  if (index.mirror_)
    score_on_device(first, ranked, scores);
  else
    score(first, ranked, TokenLevel::first, scores);
  if (sets.tokens.rest() != nullptr)
    write_checked(first, ranked, scores);
  else
    write(first, ranked, scores);
}

void MultiVectorIndex::Searcher::write(std::size_t first, const RankedLists& lists,
                                       std::span<const float> scores) const {
  BestRows best;
  std::vector<std::pair<float, Id>> found;
  for (std::size_t i = 0; i < lists.queries(); ++i) {
    best.reset(params.k, 0);
    float limit = std::numeric_limits<float>::infinity();
    for (std::size_t j = 0; j < lists[i].size(); ++j) {
      const float score = 0.0F - scores[lists.begin(i) + j];
      if (score <= limit) limit = best.add({score, lists[i][j]}, limit);
    }
    best.shrink();
    found.clear();
    for (const Scored& set : best.found())
      found.emplace_back(set.score, index.inner_->id_of(set.slot));
    write_best(first + i, found, hits);
  }
  hits.stats.reranked += lists.pairs();
}

void MultiVectorIndex::Searcher::write_checked(std::size_t first, const RankedLists& lists,
                                               std::span<const float> scores) const {
  std::vector<Screen> screens;
  for (std::size_t i = 0; i < lists.queries(); ++i)
    screens.emplace_back(lists[i], scores.subspan(lists.begin(i), lists[i].size()), params.k);
  hits.stats.distances += lists.pairs();
  std::vector<std::vector<Slot>> checked(lists.queries());
  std::vector<std::vector<float>> fine(lists.queries());
  // The leaders, then those that these do not rule out.
  const auto take = [&](const auto& chosen) {
    const RankedLists some(lists.queries(), chosen);
    std::vector<float> full(some.pairs());
    score(first, some, TokenLevel::full, full);
    for (std::size_t i = 0; i < some.queries(); ++i) {
      checked[i].insert(checked[i].end(), some[i].begin(), some[i].end());
      const auto from = full.begin() + static_cast<std::ptrdiff_t>(some.begin(i));
      fine[i].insert(fine[i].end(), from, from + static_cast<std::ptrdiff_t>(some[i].size()));
    }
  };
  take([&](std::size_t i) { return screens[i].leaders(); });
  take([&](std::size_t i) { return screens[i].rivals(fine[i]); });
  const RankedLists all(lists.queries(),
                        [&](std::size_t i) { return std::span<const Slot>(checked[i]); });
  std::vector<float> similarities;
  for (const std::vector<float>& part : fine)
    similarities.insert(similarities.end(), part.begin(), part.end());
  write(first, all, similarities);
}

void MultiVectorIndex::Searcher::search_some(std::size_t first, std::size_t count,
                                             const Filter& filter, std::size_t candidates) const {
  std::vector<std::size_t> offsets;
  const Batch part = slice(queries, first, count, offsets);
  std::vector<float> encodings(count * sets.encoder.encoded_dim());
  encode_queries(sets.encoder, index.mirror_.get(), part, encodings);
  const Neighbors found = index.inner_->search_with(
      {.data = encodings.data(), .count = count, .dim = sets.encoder.encoded_dim()},
      {.k = candidates,
       .beam = params.beam,
       .rerank = params.rerank,
       .reduced_dim = params.reduced_dim,
       .filter = filter,
       .plan = params.plan,
       .timeout = deadline.left(),
       .threads = threads},
      usual);
  hits.stats.hops += found.stats.hops;
  hits.stats.distances += found.stats.distances;
  hits.stats.reranked += found.stats.reranked;
  hits.stats.allowed = found.stats.allowed;
  hits.stats.plan = found.stats.plan;
  const CandidateLists lists(*index.inner_, count, found.ids);
  if (deadline.passed()) return;
  rank(first, count, [&](std::size_t i) { return lists[i]; });
  if (!deadline.some() || deadline.passed()) return;
  std::copy(found.complete.begin(), found.complete.end(),
            hits.complete.begin() + static_cast<std::ptrdiff_t>(first));
}

void MultiVectorIndex::check_queries(const Batch& queries, const SearchParams& params) const {
  validate_sets(queries, set_rules(), "search");
  validate_k(queries.items(), params.k);
  if (!(params.carving >= 0 && params.carving <= 1))
    throw std::invalid_argument(concat("search: carving must be 0 to 1, got ", params.carving));
}

MultiVectorIndex::Searcher MultiVectorIndex::make_searcher(const Batch& queries,
                                                           const SearchParams& params,
                                                           const SearchDefaults& usual,
                                                           ProgressMeter& meter,
                                                           Neighbors& hits) const {
  return {*this,
          *published_.load(std::memory_order_acquire),
          queries,
          params,
          resolve_threads(params.threads != 0 ? params.threads : config_.threads),
          meter,
          hits,
          Deadline(params.timeout),
          usual};
}

SearchDefaults MultiVectorIndex::settings_of(const SearchParams& params) const {
  return asks_for_recall(params) ? inner_->tuned_for(params.recall, params.k) : defaults();
}

std::size_t MultiVectorIndex::candidates_of(const SearchParams& params,
                                            const SearchDefaults& usual) const {
  std::size_t wanted = std::max(least_candidates, 10 * params.k);
  if (usual.candidates != 0) wanted = usual.candidates;
  if (params.candidates != 0) wanted = params.candidates;
  return std::min(std::max(params.k, wanted), std::max<std::size_t>(size(), 1));
}

Neighbors MultiVectorIndex::search(const Batch& queries, const SearchParams& params) const {
  check_queries(queries, params);
  const SearchDefaults usual = settings_of(params);
  const std::size_t count = queries.items();
  ProgressMeter meter(params.progress, count);
  Neighbors hits = no_neighbors(count, params.k);
  const ReaderGate::Pass pass(gate_);
  const Searcher searcher = make_searcher(queries, params, usual, meter, hits);
  const Deadline& deadline = searcher.deadline;
  if (deadline.some()) hits.complete.assign(count, 0);
  const std::size_t at_once = deadline.some() ? queries_until_a_deadline : queries_at_once;
  const std::size_t candidates = candidates_of(params, usual);
  Filter filter = params.filter;
  if (filter.asks()) {
    // Once, not again for every few queries.
    std::vector<Id> ids;
    for (const Slot slot : inner_->allowed_slots(filter)) ids.push_back(inner_->id_of(slot));
    filter = Filter::ids(ids);
  }
  std::vector<Slot> all;
  if (params.exact) all = inner_->allowed_slots(filter);
  for (std::size_t first = 0; first < count && !deadline.passed(); first += at_once) {
    const std::size_t some = std::min(at_once, count - first);
    if (params.exact)
      for (std::size_t i = first; i < first + some && !deadline.passed(); ++i) {
        searcher.rank(i, 1, [&](std::size_t) { return std::span<const Slot>(all); });
        if (deadline.some()) hits.complete[i] = deadline.passed() ? 0 : 1;
      }
    else
      searcher.search_some(first, some, filter, candidates);
    meter.update(first + some);
  }
  if (params.exact) {
    hits.stats.exact = count;
    hits.stats.allowed = all.size();
    hits.stats.plan = Plan::scan;
  }
  meter.finish();
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
  const Searcher searcher = make_searcher(queries, params, {}, meter, hits);
  searcher.rank(0, count, [&](std::size_t i) { return lists[i]; });
  meter.finish();
  return hits;
}

}  // namespace vecinal
