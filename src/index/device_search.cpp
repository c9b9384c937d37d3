// Searching a VectorIndex on a device. Walks: every thread takes pieces of the queries, makes them
// ready, has the device walk and rank them, and looks up ids, filters and copies of rows; so one
// piece is made ready while others are walked. Scans: as rows are read once for many queries, whole
// chunks are made ready in parallel, and compared by one call.
#include <algorithm>
#include <limits>

#include "backend/query_block.hpp"
#include "core/parallel.hpp"
#include "index/device_search.hpp"

namespace vecinal {
namespace {

/// Queries of a scan.
constexpr std::size_t chunk = 8192;

/// Queries of a walk: enough for a call to be worth it, and few enough for memory, which every
/// thread takes three times, once of it pinned.
constexpr std::size_t least_piece = 128;
constexpr std::size_t most_piece = 4096;
constexpr std::size_t most_found = std::size_t{1} << 21U;  // of a piece

/// Rows that a scan finds beyond k: as long as the last of them is farther than the k-th, no row
/// with the same score was left out.
constexpr std::size_t spare = 16;

}  // namespace

DeviceSearch::Prepared::Prepared(const Rows& rows, std::size_t count)
    : capacity(count), walked(rows.walked(), count) {
  if (rows.two()) second = std::make_unique<QueryArrays>(rows.ranking(), count);
}

void DeviceSearch::answer(ProgressMeter& meter, std::vector<std::uint8_t>& open) {
  if (worth_walking()) {
    searcher_.hits.stats.plan = searcher_.allowed.everything ? Plan::walk : Plan::inside;
    walk_all(meter, open);
  } else {
    searcher_.hits.stats.plan = Plan::scan;
  }
  scan_all(meter, open);
}

void DeviceSearch::take_workers(std::size_t count) {
  while (workers_.size() < count) {
    workers_.push_back(rows_.device_scratch().take());
    if (workers_.back() == nullptr) workers_.back() = std::make_unique<Worker>(rows_);
  }
}

void DeviceSearch::give_back_workers() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const SearchStats done = std::exchange(worker(i).stats, {});
    searcher_.hits.stats.hops += done.hops;
    searcher_.hits.stats.distances += done.distances;
    searcher_.hits.stats.reranked += done.reranked;
    worker(i).magnitude = 0;
    rows_.device_scratch().give_back(std::move(workers_[i]));
  }
  workers_.clear();
}

void DeviceSearch::prepare(std::size_t first, std::size_t count, Worker& worker, Prepared& to,
                           std::size_t at) const {
  rows_.prepare(searcher_.queries, first, first + count, searcher_.walk_dim, worker.queries);
  worker.magnitude = std::max(worker.magnitude, worker.queries.magnitude);
  for (std::size_t i = 0; i < count; ++i) {
    to.walked.set(at + i, worker.queries.walked[i], worker.walked);
    if (to.second) to.second->set(at + i, worker.queries.ranking()[i], worker.ranking);
  }
}

DeviceBreadth DeviceSearch::breadth() const {
  Breadth split = VectorIndex::split_breadth(searcher_.params, searcher_.usual, rows_);
  if (searcher_.allowed.everything) return {split.window, split.capacity};
  // Rows that are not allowed take places of the list and serve as steps.
  const auto widened = [&](std::size_t size) {
    return size * searcher_.slots() / std::max<std::size_t>(searcher_.allowed.count, 1) + 1;
  };
  return {widened(split.window), widened(split.capacity)};
}

bool DeviceSearch::worth_walking() const {
  return searcher_.index.config().graph != GraphKind::none && !searcher_.params.exact &&
         searcher_.params.plan != Plan::scan && searcher_.params.k < searcher_.allowed.count &&
         2 * searcher_.allowed.count >= searcher_.slots() &&
         breadth().capacity <= copies_.backend().max_found(copies_.walked());
}

void DeviceSearch::walk_all(ProgressMeter& meter, std::vector<std::uint8_t>& open) {
  const std::size_t count = searcher_.queries.count;
  const std::size_t most = std::clamp(most_found / std::max<std::size_t>(breadth().capacity, 1),
                                      least_piece, most_piece);
  const std::size_t piece = std::clamp(count / (std::size_t{2} * threads_) + 1, least_piece, most);
  take_workers(std::min<std::size_t>(threads_, (count + piece - 1) / piece));
  parallel_for(
      {.count = count, .grain = piece, .threads = threads_},
      [&](std::size_t begin, std::size_t end, unsigned number) {
        if (!searcher_.deadline.passed()) walk(begin, end - begin, worker(number), open);
      },
      [&](std::size_t done) { meter.update(done); });
  give_back_workers();
}

void DeviceSearch::walk(std::size_t first, std::size_t count, Worker& worker,
                        std::vector<std::uint8_t>& open) const {
  if (worker.prepared == nullptr || worker.prepared->capacity < count)
    worker.prepared = std::make_unique<Prepared>(rows_, count);
  prepare(first, count, worker, *worker.prepared, 0);
  const DeviceBreadth wide = breadth();
  worker.found.resize(count * wide.capacity);
  const DeviceRanking ranking{&copies_.ranking(), worker.prepared->ranking().block(count)};
  const DeviceCounts counts = copies_.backend().search_graph(
      copies_.walked(), copies_.graph(), worker.prepared->walked.block(count), wide,
      rows_.two() ? &ranking : nullptr, worker.found);
  worker.stats.hops += counts.hops;
  worker.stats.distances += counts.distances;
  for (std::size_t i = 0; i < count; ++i) {
    collect(std::span(worker.found).subspan(i * wide.capacity, wide.capacity), i, worker);
    if (rows_.two()) worker.stats.reranked += worker.list.size();
    searcher_.finish(first + i, worker.list, worker.best);
    open[first + i] = searcher_.answered(first + i) ? 0 : 1;
  }
}

void DeviceSearch::collect(std::span<const Scored> nodes, std::size_t query, Worker& worker) const {
  std::vector<Scored>& list = worker.list;
  list.clear();
  // Rows that share a node are alike as walked rows, but those that rank may differ.
  const auto score_of = [&](const Scored& node, Slot slot) {
    if (!rows_.two() || slot == node.slot) return node.score;
    return rows_.ranking().scorer(worker.queries.ranking()[query], worker.ranking)(slot);
  };
  for (const Scored& node : nodes) {
    if (node.slot == no_slot) return;
    if (!rows_.two() && list.size() >= searcher_.params.k && node.score > list.back().score) return;
    searcher_.graph.for_twins(node.slot, [&](Slot slot) {
      if (slot < copies_.count() && searcher_.allows(slot))
        list.push_back({score_of(node, slot), slot});
    });
  }
}

void DeviceSearch::scan_all(ProgressMeter& meter, std::vector<std::uint8_t>& open) {
  const std::size_t most = searcher_.params.k + spare;
  if (most > copies_.backend().max_found(copies_.ranking())) return;
  const std::size_t count = searcher_.queries.count;
  std::unique_ptr<Prepared> prepared;
  for (std::size_t first = 0; first < count; first += chunk) {
    const std::size_t size = std::min(chunk, count - first);
    // All queries of a chunk, though some may have been answered: few chunks have both kinds.
    if (std::count(open.begin() + static_cast<std::ptrdiff_t>(first),
                   open.begin() + static_cast<std::ptrdiff_t>(first + size), 1) == 0)
      continue;
    if (searcher_.deadline.passed()) break;
    if (prepared == nullptr) prepared = std::make_unique<Prepared>(rows_, size);
    scan(first, size, *prepared, open);
    meter.update(first + size);
  }
  give_back_workers();
}

void DeviceSearch::scan(std::size_t first, std::size_t count, Prepared& prepared,
                        std::vector<std::uint8_t>& open) {
  const std::size_t most = searcher_.params.k + spare;
  const Loop loop{.count = count, .grain = 64, .threads = threads_};
  take_workers(std::min<std::size_t>(threads_, (count + loop.grain - 1) / loop.grain));
  parallel_for(loop, [&](std::size_t begin, std::size_t end, unsigned number) {
    prepare(first + begin, end - begin, worker(number), prepared, begin);
  });
  const std::vector<Slot>& slots = allowed_slots();
  found_.assign(count * most, Scored{});
  const QueryBlock queries = prepared.ranking().block(count);
  if (searcher_.allowed.everything || !slots.empty())
    copies_.backend().knn(copies_.ranking(), queries, std::min(copies_.count(), searcher_.slots()),
                          slots, most, found_);
  searcher_.hits.stats.distances += count * searcher_.allowed.count;
  searcher_.hits.stats.exact += static_cast<std::size_t>(
      std::count(open.begin() + static_cast<std::ptrdiff_t>(first),
                 open.begin() + static_cast<std::ptrdiff_t>(first + count), 1));
  const float margin = score_margin();
  parallel_for(loop, [&](std::size_t begin, std::size_t end, unsigned number) {
    for (std::size_t i = begin; i < end; ++i) {
      if (open[first + i] == 0) continue;
      const float* values =
          queries.values == nullptr ? nullptr : queries.values + i * rows_.ranking().padded_dim();
      const auto best = std::span<const Scored>(found_).subspan(i * most, most);
      open[first + i] = finish_scan(first + i, best, margin, values, worker(number)) ? 0 : 1;
    }
  });
}

bool DeviceSearch::finish_scan(std::size_t query, std::span<const Scored> best, float margin,
                               const float* values, Worker& worker) const {
  const std::size_t k = searcher_.params.k;
  // Rows that were not found are at least as far as the last one that was.
  if (best.back().slot != no_slot && best.back().score <= best[k - 1].score + margin) return false;
  // Those past the margin cannot be among the k best.
  const float limit = best[k - 1].slot == no_slot ? std::numeric_limits<float>::infinity()
                                                  : best[k - 1].score + margin;
  const auto end = std::find_if(best.begin(), best.end(), [&](const Scored& row) {
    return row.slot == no_slot || row.score > limit;
  });
  worker.list.assign(best.begin(), end);
  if (values != nullptr) {  // float rows get the scores that the host gives them
    const Scorer scorer = rows_.ranking().scorer({.values = values}, worker.ranking);
    for (Scored& row : worker.list) row.score = scorer(row.slot);
  }
  searcher_.finish(query, worker.list, worker.best);
  return true;
}

float DeviceSearch::score_margin() {
  if (rows_.ranking().codec().is_code()) return 0;  // exact sums, the same on every device
  // Sums of dim products, off by dim 2^-24 of the magnitudes at most, and by 2^-16 where values are
  // pairs of halves; twice, as two are compared, and twice as squared distances have 2 <q, x>.
  float magnitude = searcher_.index.max_norm_.load();
  for (std::size_t i = 0; i < workers_.size(); ++i)
    magnitude = std::max(magnitude, std::exchange(worker(i).magnitude, 0.0F));
  const float sums = 8.0F * 0x1p-24F * static_cast<float>(rows_.ranking().padded_dim());
  return (sums + 4.0F * 0x1p-16F) * magnitude * magnitude;
}

const std::vector<Slot>& DeviceSearch::allowed_slots() {
  if (searcher_.allowed.everything || !allowed_slots_.empty()) return allowed_slots_;
  searcher_.allowed.for_each([&](Slot slot) {
    if (slot < copies_.count()) allowed_slots_.push_back(slot);
  });
  return allowed_slots_;
}

}  // namespace vecinal
