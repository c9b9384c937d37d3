// Searching a VectorIndex: which slots are allowed, graph walk or exact scan, slots to ids.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "backend/scan.hpp"
#include "core/concat.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "index/candidates.hpp"
#include "index/train.hpp"
#include "index/vector_index.hpp"

namespace vecinal {
/// The slots that a search may return: those that live and pass the filter.
struct VectorIndex::Allowed {
  bool everything = false;           ///< every visible slot; the bitmap is then not needed
  std::vector<std::uint64_t> words;  ///< by slot
  std::size_t count = 0;             ///< slots set

  [[nodiscard]] BitmapView view() const { return {words.data(), words.size() * 64}; }
};

/// One search call: everything noted once, so that writers beside it change nothing.
struct VectorIndex::Searcher {
  const VectorIndex& index;
  const Rows& rows;
  const QuerySet& queries;
  const SearchParams& params;
  Neighbors& hits;
  std::size_t slots;
  GraphView graph;
  const Id* ids;
  Allowed allowed;
  Breadth breadth;
  std::size_t walk_dim;  ///< values of a walked row that are compared

  /// What one thread needs.
  struct Worker {
    explicit Worker(const Rows& rows) : walked(rows.walked()), ranking(rows.ranking()) {}
    WalkScratch walk;
    QueryBuffer walked;
    QueryBuffer ranking;
    std::vector<Scored> found;
    std::vector<Slot> slots;
    std::vector<float> scores;
    std::uint64_t reranked = 0;
  };

  /// Walks the graph for every query; marks in `open` those that it did not answer in full.
  void walk_all(unsigned threads, ProgressMeter& meter, std::vector<std::uint8_t>& open) const;

  /// Compares the open queries with every allowed row.
  void scan_open(const ScanParams& scan_params, ProgressMeter& meter,
                 const std::vector<std::uint8_t>& open) const;

  /// False where scanning the allowed rows costs less than walking past the others.
  [[nodiscard]] bool worth_walking() const;

  void finish(std::size_t query, std::span<const Scored> found) const;
  bool walk_graph(std::size_t query, Worker& worker) const;
  void collect(const Pool& pool, std::vector<Scored>& found) const;
  void rerank(std::size_t query, Worker& worker) const;
  [[nodiscard]] bool allows(Slot slot) const {
    return slot < slots && (allowed.everything || allowed.view().contains(slot));
  }
};

void VectorIndex::check_queries(const Batch& queries, const SearchParams& params) const {
  refuse_sets(queries, "search");
  validate_k(queries.count, params.k);
  if (queries.count != 0 && queries.dim != config_.dim)
    throw std::invalid_argument(
        concat("search: queries have ", queries.dim, " dims, index has ", config_.dim));
}

VectorIndex::Allowed VectorIndex::allow(const Filter& filter) const {
  Allowed allowed;
  const std::size_t slots = visible_.load(std::memory_order_acquire);
  if (filter.allows_everything() && live_count_.load(std::memory_order_acquire) == slots) {
    allowed.everything = true;
    allowed.count = slots;
    return allowed;
  }
  allowed.words.assign((slots + 63) / 64, 0);
  const auto set = [&](Slot slot) { allowed.words[slot / 64] |= std::uint64_t{1} << (slot % 64); };
  const BitmapView live = live_.view();
  const Id* ids = ids_.ids().data();
  if (const auto* listed = std::get_if<std::vector<Id>>(&filter.rule())) {
    const std::shared_lock lock(ids_lock_);
    for (const Id id : *listed)
      if (const std::optional<Slot> slot = find_live(id); slot && *slot < slots) set(*slot);
  } else {
    const auto* bits = std::get_if<std::span<const std::uint64_t>>(&filter.rule());
    const auto* asked = std::get_if<std::function<bool(Id)>>(&filter.rule());
    for (Slot slot = 0; slot < slots; ++slot) {
      if (!live.contains(slot)) continue;
      const auto id = static_cast<std::uint64_t>(ids[slot]);
      if (bits != nullptr &&
          (id / 64 >= bits->size() || (((*bits)[id / 64] >> (id % 64)) & 1U) == 0))
        continue;
      if (asked != nullptr && !(*asked)(ids[slot])) continue;
      set(slot);
    }
  }
  for (const std::uint64_t word : allowed.words)
    allowed.count += static_cast<std::size_t>(std::popcount(word));
  return allowed;
}

std::vector<Slot> VectorIndex::allowed_slots(const Filter& filter) const {
  const ReaderGate::Pass pass(gate_);
  const Allowed allowed = allow(filter);
  const std::size_t slots = allowed.everything ? allowed.count : allowed.words.size() * 64;
  std::vector<Slot> listed;
  listed.reserve(allowed.count);
  for (Slot slot = 0; slot < slots; ++slot)
    if (allowed.everything || allowed.view().contains(slot)) listed.push_back(slot);
  return listed;
}

void VectorIndex::Searcher::finish(std::size_t query, std::span<const Scored> found) const {
  // Here scores tie by id, not by slot: the caller never sees slots.
  std::vector<std::pair<float, Id>> best;
  best.reserve(found.size());
  for (const Scored& row : found) best.emplace_back(row.score, ids[row.slot]);
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

void VectorIndex::Searcher::rerank(std::size_t query, Worker& worker) const {
  if (!rows.two()) return;
  std::vector<Scored>& found = worker.found;
  worker.slots.clear();
  for (const Scored& row : found) worker.slots.push_back(row.slot);
  worker.scores.resize(found.size());
  rows.ranking().scorer(queries.second[query], worker.ranking)(worker.slots.data(), found.size(),
                                                               worker.scores.data());
  for (std::size_t i = 0; i < found.size(); ++i) found[i].score = worker.scores[i];
  worker.reranked += found.size();
}

bool VectorIndex::Searcher::walk_graph(std::size_t query, Worker& worker) const {
  Scorer scorer = rows.walked().scorer(queries.walked[query], worker.walked);
  scorer.rows.padded_dim = walk_dim;
  Scored entry{0, graph.entry()};
  entry.score = scorer(graph.layers[graph.levels - 1].slot(entry.slot));
  for (std::uint32_t level = graph.levels - 1; level > 0; --level) {
    entry = descend(graph.layers[level], scorer, entry, worker.walk);
    entry.slot = graph.layers[level].down[entry.slot];
  }
  if (allowed.everything)
    walk(graph.layers[0], scorer, entry, breadth, worker.walk);
  else if (!walk_filtered(graph, scorer, entry, breadth, {allowed.view(), allowed.count},
                          worker.walk))
    return false;
  collect(worker.walk.pool, worker.found);
  rerank(query, worker);
  finish(query, worker.found);
  return hits.counts[query] >= std::min(params.k, allowed.count);
}

bool VectorIndex::Searcher::worth_walking() const {
  if (index.config_.graph == GraphKind::none || params.exact || params.k >= allowed.count)
    return false;
  // A filtered walk passes about 16 beam / selectivity rows.
  const auto count = static_cast<double>(allowed.count);
  return allowed.everything ||
         count * count >= 16.0 * static_cast<double>(breadth.capacity) * static_cast<double>(slots);
}

void VectorIndex::Searcher::walk_all(unsigned threads, ProgressMeter& meter,
                                     std::vector<std::uint8_t>& open) const {
  std::vector<Worker> workers;
  const std::size_t count = queries.walked.size();
  for (std::size_t i = 0; i < std::min<std::size_t>(threads, count); ++i)
    workers.emplace_back(rows);
  parallel_for(
      {.count = count, .grain = 4, .threads = threads},
      [&](std::size_t begin, std::size_t end, unsigned worker) {
        for (std::size_t i = begin; i < end; ++i) open[i] = walk_graph(i, workers[worker]) ? 0 : 1;
      },
      [&](std::size_t done) { meter.update(done); });
  for (const Worker& worker : workers) {
    hits.stats.hops += worker.walk.hops;
    hits.stats.distances += worker.walk.distances;
    hits.stats.reranked += worker.reranked;
  }
}

void VectorIndex::Searcher::scan_open(const ScanParams& scan_params, ProgressMeter& meter,
                                      const std::vector<std::uint8_t>& open) const {
  std::vector<std::size_t> numbers;
  std::vector<Query> asked;
  for (std::size_t i = 0; i < open.size(); ++i) {
    if (open[i] == 0) continue;
    numbers.push_back(i);
    asked.push_back(queries.ranking()[i]);
  }
  if (asked.empty()) return;
  std::vector<Slot> allowed_slots;
  if (!allowed.everything)
    for (Slot slot = 0; slot < slots; ++slot)
      if (allows(slot)) allowed_slots.push_back(slot);
  hits.stats.exact = asked.size();
  hits.stats.distances += asked.size() * allowed.count;
  scan(
      rows.ranking(), {allowed.count, allowed_slots}, asked, scan_params,
      [&](std::size_t i, std::span<Scored> best) { finish(numbers[i], best); },
      [&](std::size_t done) { meter.update(open.size() - asked.size() + done); });
}

Breadth VectorIndex::breadth_of(const SearchParams& params, const Rows& rows) const {
  const SearchDefaults usual = defaults();
  const std::size_t window = std::max(params.k, params.beam != 0 ? params.beam : usual.beam);
  if (!rows.two()) return {window, window};
  return {window, std::max(window, params.rerank != 0 ? params.rerank : usual.rerank)};
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

Neighbors VectorIndex::search(const Batch& queries, const SearchParams& params) const {
  check_queries(queries, params);
  const unsigned threads = resolve_threads(params.threads != 0 ? params.threads : config_.threads);
  ProgressMeter meter(params.progress, queries.count);
  Neighbors hits = no_neighbors(queries.count, params.k);

  const ReaderGate::Pass pass(gate_);
  const Rows& rows = *published_.load(std::memory_order_acquire);
  const std::size_t walk_dim = walk_dim_of(params, rows);
  const QuerySet prepared = rows.prepare(queries, walk_dim);
  Searcher searcher{*this,
                    rows,
                    prepared,
                    params,
                    hits,
                    visible_.load(std::memory_order_acquire),
                    {},
                    ids_.ids().data(),
                    allow(params.filter),
                    breadth_of(params, rows),
                    walk_dim};
  searcher.slots = std::min(searcher.slots,
                            std::max(searcher.allowed.words.size() * 64, searcher.allowed.count));
  if (searcher.allowed.count == 0) return hits;
  std::vector<std::uint8_t> open(queries.count, 1);
  if (searcher.worth_walking()) {
    searcher.graph = graph_.view();
    searcher.walk_all(threads, meter, open);
  }
  const ScanParams scan_params{.k = params.k,
                               .max_norm = std::max(prepared.magnitude, max_norm_.load()),
                               .threads = threads};
  searcher.scan_open(scan_params, meter, open);
  if (params.progress) params.progress(queries.count, queries.count);
  return hits;
}

}  // namespace vecinal
