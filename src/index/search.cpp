// Searching a VectorIndex: which slots are allowed, graph walk or exact scan, slots to ids.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "backend/scan.hpp"
#include "core/best_rows.hpp"
#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "index/candidates.hpp"
#include "index/device_search.hpp"
#include "index/plan.hpp"
#include "index/searcher.hpp"
#include "index/train.hpp"
#include "vecinal/error.hpp"

namespace vecinal {

void VectorIndex::check_queries(const Batch& queries, const SearchParams& params) const {
  refuse_sets(queries, "search");
  validate_k(queries.count, params.k);
  if (!(params.gamma >= 0 && params.gamma <= max_gamma))
    throw std::invalid_argument(
        concat("search: gamma must be 0 to ", max_gamma, ", got ", params.gamma));
  if (queries.count != 0 && queries.dim != config_.dim)
    throw std::invalid_argument(
        concat("search: queries have ", queries.dim, " dims, index has ", config_.dim));
}

void VectorIndex::Searcher::Worker::prepare(const Searcher& searcher, std::size_t begin,
                                            std::size_t end) {
  searcher.rows.prepare(searcher.queries, begin, end, searcher.walk_dim, queries);
  first = begin;
}

std::span<const float> VectorIndex::Searcher::Worker::rank(std::span<const Scored> ranked,
                                                           const Scorer& scorer) {
  slots.clear();
  for (const Scored& row : ranked) slots.push_back(row.slot);
  scores.resize(ranked.size());
  scorer(slots.data(), ranked.size(), scores.data());
  reranked += ranked.size();
  return scores;
}

void VectorIndex::Searcher::Worker::report(SearchStats& stats) {
  stats.hops += std::exchange(walk.hops, 0);
  stats.distances += std::exchange(walk.distances, 0);
  stats.reranked += std::exchange(reranked, 0);
}

void VectorIndex::Searcher::finish(std::size_t query, std::span<Scored> found,
                                   std::vector<std::pair<float, Id>>& best) const {
  if (deadline.some()) hits.complete[query] = deadline.passed() ? 0 : 1;
  // Here scores tie by id, not by slot: the caller never sees slots.
  best.clear();
  for (const Scored& row : best_of(found, params.k)) best.emplace_back(row.score, ids[row.slot]);
  write_best(query, best, hits);
  for (std::size_t i = 0; i < hits.counts[query]; ++i) {
    float& distance = hits.distances[query * params.k + i];
    distance = distance_of(index.config_.metric, distance);
  }
}

void VectorIndex::Searcher::collect(const Pool& pool, std::vector<Scored>& found) const {
  found.clear();
  for (std::size_t i = 0; i < pool.size(); ++i) {
    const Scored node = pool[i];
    if (!rows.two() && found.size() >= params.k && node.score > found.back().score) break;
    graph.for_twins(node.slot, [&](Slot slot) {
      if (allows(slot)) found.push_back({node.score, slot});
    });
  }
}

void VectorIndex::Searcher::rerank(std::size_t query, const kernels::QueryView& walked,
                                   Worker& worker) const {
  if (!rows.two()) return;
  const std::span<const float> scores = worker.rank(worker.found, ranker(query, walked, worker));
  for (std::size_t i = 0; i < scores.size(); ++i) worker.found[i].score = scores[i];
}

bool VectorIndex::Searcher::walk_graph(Plan way, std::size_t query, Worker& worker) const {
  Scorer scorer = rows.walked().scorer(worker.queries.walked[worker.at(query)], worker.walked);
  scorer.rows.padded_dim = walk_dim;
  const Scored entry = descend_to_base(graph, scorer, worker.walk);
  const LayerView& layer = graph.layers[0];
  const bool complete =
      way == Plan::inside
          ? walk_inside(layer, scorer, entry, breadth, wanted, worker.walk)
          : walk_bridges(layer, scorer, entry, bridge_breadth(breadth), wanted, worker.walk);
  if (!complete) return false;
  collect(worker.walk.pool, worker.found);
  rerank(query, scorer.query, worker);
  finish(query, worker.found, worker.best);
  return answered(query);
}

Plan VectorIndex::Searcher::plan_walk(bool fused) {
  if (index.config_.graph == GraphKind::none || params.exact || params.k >= allowed.count)
    return Plan::scan;
  if (allowed.unfiltered) {
    // Next to none of the nodes are not items: removed ones, those of an add that runs beside.
    wanted = {allowed.population->node_view(), allowed.count, 1, {}};
    return Plan::walk;
  }
  const PlanInputs inputs{slots(), allowed.count, queries.count, breadth, fused};
  Plan plan = params.plan == Plan::automatic ? cheapest_plan(inputs) : params.plan;
  if (plan == Plan::scan) return plan;
  if (plan == Plan::walk) plan = Plan::inside;
  constexpr std::size_t most_seeds = 64;
  if (graph.twinned) with_twins = allowed.with_twins(graph);
  seeds = allowed.sample(graph, most_seeds);
  wanted = {graph.twinned ? with_twins.view() : allowed.view(), walk_budget(inputs),
            static_cast<double>(allowed.count) / static_cast<double>(slots()), seeds};
  return plan;
}

void VectorIndex::Searcher::walk_all(unsigned threads, bool fused, ProgressMeter& meter,
                                     std::vector<std::uint8_t>& open) const {
  constexpr std::size_t most = 64;  // queries handed to a thread at a time
  const std::size_t count = queries.count;
  const std::size_t pieces = threads == 1 ? 1 : std::size_t{4} * threads;
  const std::size_t grain = std::clamp<std::size_t>(count / pieces, 1, most);
  std::vector<std::unique_ptr<ScratchPool::Item>> items;
  for (std::size_t i = 0; i < std::min<std::size_t>(threads, count); ++i) {
    items.push_back(rows.scratch().take());
    if (items.back() == nullptr) items.back() = std::make_unique<Worker>(rows);
  }
  const auto worker_of = [&](std::size_t i) -> Worker& { return static_cast<Worker&>(*items[i]); };
  parallel_for(
      {.count = count, .grain = grain, .threads = threads},
      [&](std::size_t begin, std::size_t end, unsigned number) {
        Worker& worker = worker_of(number);
        worker.prepare(*this, begin, end);
        worker.walk.deadline = deadline;
        if (fused) return walk_fused(begin, end, worker, open);
        if (hits.stats.plan == Plan::walk) return walk_split(begin, end, worker, open);
        for (std::size_t i = begin; i < end && !deadline.passed(); ++i)
          open[i] = walk_graph(hits.stats.plan, i, worker) || deadline.passed() ? 0 : 1;
      },
      [&](std::size_t done) { meter.update(done); });
  for (std::size_t i = 0; i < items.size(); ++i) {
    worker_of(i).report(hits.stats);
    rows.scratch().give_back(std::move(items[i]));
  }
}

void VectorIndex::Searcher::scan_open(unsigned threads, ProgressMeter& meter,
                                      const std::vector<std::uint8_t>& open) const {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < open.size(); ++i)
    if (open[i] != 0) numbers.push_back(i);
  if (numbers.empty()) return;
  QuerySet all;
  rows.prepare(queries, 0, queries.count, walk_dim, all);
  if (deadline.passed()) return;
  std::vector<Query> asked;
  asked.reserve(numbers.size());
  for (const std::size_t number : numbers) asked.push_back(all.ranking()[number]);
  std::vector<Slot> allowed_slots;
  allowed_slots.reserve(allowed.everything ? 0 : allowed.count);
  if (!allowed.everything) allowed.for_each([&](Slot slot) { allowed_slots.push_back(slot); });
  hits.stats.exact += asked.size();
  hits.stats.distances += asked.size() * allowed.count;
  scan(
      rows.ranking(), {allowed.count, allowed_slots}, asked,
      {.k = params.k,
       .max_norm = std::max(all.magnitude, index.max_norm_.load()),
       .threads = threads,
       .deadline = deadline},
      [&](std::size_t i, std::span<Scored> best) {
        std::vector<std::pair<float, Id>> sorted;
        finish(numbers[i], best, sorted);
      },
      [&](std::size_t done) { meter.update(open.size() - asked.size() + done); });
}

Breadth VectorIndex::split_breadth(const SearchParams& params, const SearchDefaults& usual,
                                   const Rows& rows) {
  const std::size_t beam = params.beam != 0 ? params.beam : usual.beam;
  const std::size_t rerank = params.rerank != 0 ? params.rerank : usual.rerank;
  Breadth breadth{.window = std::max(params.k, beam)};
  breadth.capacity = rows.two() ? std::max(breadth.window, rerank) : breadth.window;
  return breadth;
}

Breadth VectorIndex::breadth_of(const SearchParams& params, const SearchDefaults& usual,
                                const Rows& rows) const {
  Breadth breadth = split_breadth(params, usual, rows);
  if (rows.fused() == nullptr) return breadth;
  const std::size_t beam = params.beam != 0 ? params.beam : usual.beam;
  const std::size_t rerank = params.rerank != 0 ? params.rerank : usual.rerank;
  const float gamma = params.gamma != 0 ? params.gamma : usual.gamma;
  // Answers may come from nodes that were scored but not expanded; of a default that was tuned for
  // a small k not all.
  const bool chosen = params.beam != 0 || params.recall != 0;
  breadth.window = chosen ? beam : std::max(beam, params.k / 4);
  breadth.capacity = std::max({beam, params.k, rerank != 0 ? rerank : beam + 2 * params.k});
  // Inner products are no distances, of which a factor would have a meaning.
  if (gamma != 0 && config_.metric != Metric::inner_product) breadth.gamma = gamma;
  return breadth;
}

std::optional<Mirror::Hold> VectorIndex::hold_copies(const Rows& rows,
                                                     std::uint64_t changes) const {
  if (mirror_ == nullptr) return std::nullopt;
  if (Mirror::Hold hold(*mirror_); hold.shows(rows, changes)) return hold;
  {
    // A change is under way: what it has not finished may not be copied, and searches do not wait.
    const std::unique_lock writer(writer_, std::try_to_lock);
    if (!writer) return std::nullopt;
    const Revision now{changes_.load(), rewrites_};
    mirror_->update(*rows_, graph_, population_->slots, fused_ready_.load(), now, delta_);
    delta_.restart(now.changes);
  }
  if (Mirror::Hold hold(*mirror_); hold.shows(rows, changes)) return hold;
  return std::nullopt;
}

bool VectorIndex::search_on_device(const Searcher& searcher, std::uint64_t changes,
                                   unsigned threads, ProgressMeter& meter,
                                   std::vector<std::uint8_t>& open) const {
  std::optional<Mirror::Hold> copies;
  try {
    copies = hold_copies(searcher.rows, changes);
  } catch (const DeviceMemoryError&) {
    if (DeviceSearch::wants_walks(searcher)) throw;
    DeviceSearch(searcher, mirror_->backend(), threads).answer(meter, open);
    return true;
  }
  if (copies) DeviceSearch(searcher, *copies, threads).answer(meter, open);
  return copies.has_value();
}

std::size_t VectorIndex::walk_dim_of(const SearchParams& params, const Rows& rows) {
  if (params.reduced_dim == 0) return rows.walked().padded_dim();
  const Model& model = rows.model();
  if (!model.reduced() || model.rotated())
    throw std::invalid_argument(
        "search: reduced_dim needs an index with a reduction whose rows are not rotated");
  if (params.reduced_dim > model.walk_dim())
    throw std::invalid_argument(concat("search: reduced_dim is ", params.reduced_dim,
                                       ", the index has ", model.walk_dim()));
  return std::min(kernels::padded_codes(params.reduced_dim), rows.walked().padded_dim());
}

Neighbors VectorIndex::search_with(const Batch& queries, const SearchParams& params,
                                   const SearchDefaults& usual) const {
  const unsigned threads = resolve_threads(params.threads != 0 ? params.threads : config_.threads);
  ProgressMeter meter(params.progress, queries.count);
  Neighbors hits = no_neighbors(queries.count, params.k);
  const Deadline deadline(params.timeout);
  if (deadline.some()) hits.complete.assign(queries.count, 0);

  const ReaderGate::Pass pass(gate_);
  // The population first: what is noted after it holds its items.
  Allowed allowed = allow(params.filter);
  const std::uint64_t changes = changes_.load(std::memory_order_acquire);
  const Rows& rows = *published_.load(std::memory_order_acquire);
  const std::size_t walk_dim = walk_dim_of(params, rows);
  Searcher searcher{*this,
                    rows,
                    queries,
                    params,
                    hits,
                    {},
                    ids_.ids().data(),
                    std::move(allowed),
                    breadth_of(params, usual, rows),
                    walk_dim};
  searcher.usual = usual;
  searcher.deadline = deadline;
  if (searcher.allowed.count == 0) {
    QuerySet refused;
    rows.prepare(queries, 0, queries.count, walk_dim, refused);
    hits.stats.plan = Plan::scan;
    std::fill(hits.complete.begin(), hits.complete.end(), std::uint8_t{1});
    return hits;
  }
  const bool fused = rows.fused() != nullptr && fused_ready_.load(std::memory_order_acquire);
  searcher.graph = graph_.view();
  hits.stats.plan = searcher.plan_walk(fused);
  hits.stats.allowed = searcher.allowed.count;
  std::vector<std::uint8_t> open(queries.count, 1);
  if (!search_on_device(searcher, changes, threads, meter, open) && hits.stats.plan != Plan::scan)
    searcher.walk_all(threads, fused && hits.stats.plan != Plan::bridge, meter, open);
  searcher.scan_open(threads, meter, open);
  meter.finish();
  return hits;
}

}  // namespace vecinal
