// Searching a VectorIndex on a device: queries are made ready here, in parallel; the device walks,
// scans and ranks whole batches; ids, filters and copies of rows are looked up here again.
#include <algorithm>
#include <limits>

#include "backend/query_block.hpp"
#include "core/parallel.hpp"
#include "index/device_search.hpp"

namespace vecinal {
namespace {

/// Queries that are on the device at a time.
constexpr std::size_t chunk = 8192;

/// Rows that a scan finds beyond k: as long as the last of them is farther than the k-th, no row
/// with the same score was left out.
constexpr std::size_t spare = 16;

}  // namespace

DeviceSearch::DeviceSearch(const VectorIndex::Searcher& searcher, const Mirror::Hold& copies,
                           unsigned threads)
    : searcher_(searcher), copies_(copies), rows_(searcher.rows), threads_(threads) {
  const std::size_t count = std::min(chunk, searcher.queries.count);
  walked_ = std::make_unique<QueryArrays>(rows_.walked(), count);
  if (rows_.two()) ranking_ = std::make_unique<QueryArrays>(rows_.ranking(), count);
  for (unsigned i = 0; i < threads; ++i) workers_.push_back(std::make_unique<Worker>(rows_));
}

void DeviceSearch::answer(ProgressMeter& meter, std::vector<std::uint8_t>& open) {
  const std::size_t count = searcher_.queries.count;
  const bool walks = worth_walking();
  const Plan walked = searcher_.allowed.everything ? Plan::walk : Plan::inside;
  searcher_.hits.stats.plan = walks ? walked : Plan::scan;
  searcher_.hits.stats.plan = !walks                         ? Plan::scan
                              : searcher_.allowed.everything ? Plan::walk
                                                             : Plan::inside;
  for (std::size_t first = 0; first < count; first += chunk) {
    const std::size_t size = std::min(chunk, count - first);
    prepare(first, size);
    if (searcher_.deadline.passed()) return;
    if (walks) walk(first, size, open);
    scan(first, size, open);
    meter.update(first + size);
  }
}

void DeviceSearch::prepare(std::size_t first, std::size_t count) {
  parallel_for({.count = count, .grain = 64, .threads = threads_},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 Worker& worker = *workers_[number];
                 rows_.prepare(searcher_.queries, first + begin, first + end, searcher_.walk_dim,
                               worker.queries);
                 worker.magnitude = std::max(worker.magnitude, worker.queries.magnitude);
                 for (std::size_t i = begin; i < end; ++i) {
                   walked_->set(i, worker.queries.walked[i - begin], worker.walked);
                   if (ranking_)
                     ranking_->set(i, worker.queries.ranking()[i - begin], worker.ranking);
                 }
               });
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

void DeviceSearch::walk(std::size_t first, std::size_t count, std::vector<std::uint8_t>& open) {
  const DeviceBreadth wide = breadth();
  found_.resize(count * wide.capacity);
  const DeviceCounts counts = copies_.backend().search_graph(copies_.walked(), copies_.graph(),
                                                             walked_->block(count), wide, found_);
  searcher_.hits.stats.hops += counts.hops;
  searcher_.hits.stats.distances += counts.distances;
  std::vector<std::vector<Scored>> lists(count);
  parallel_for({.count = count, .grain = 64, .threads = threads_},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i)
                   collect(std::span(found_).subspan(i * wide.capacity, wide.capacity), lists[i]);
               });
  if (rows_.two()) rank(count, lists);
  parallel_for({.count = count, .grain = 64, .threads = threads_},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 for (std::size_t i = begin; i < end; ++i) {
                   searcher_.finish(first + i, lists[i], workers_[number]->best);
                   open[first + i] = searcher_.answered(first + i) ? 0 : 1;
                 }
               });
}

void DeviceSearch::collect(std::span<const Scored> nodes, std::vector<Scored>& list) const {
  for (const Scored& node : nodes) {
    if (node.slot == no_slot) return;
    if (!rows_.two() && list.size() >= searcher_.params.k && node.score > list.back().score) return;
    searcher_.graph.for_twins(node.slot, [&](Slot slot) {
      if (slot < copies_.count() && searcher_.allows(slot)) list.push_back({node.score, slot});
    });
  }
}

void DeviceSearch::rank(std::size_t count, std::vector<std::vector<Scored>>& lists) {
  std::size_t longest = 0;
  for (const auto& list : lists) longest = std::max(longest, list.size());
  if (longest == 0) return;
  found_.assign(count * longest, Scored{});
  for (std::size_t i = 0; i < count; ++i)
    std::copy(lists[i].begin(), lists[i].end(),
              found_.begin() + static_cast<std::ptrdiff_t>(i * longest));
  copies_.backend().rerank(copies_.ranking(), ranking_->block(count), found_);
  for (std::size_t i = 0; i < count; ++i) {
    std::copy_n(found_.begin() + static_cast<std::ptrdiff_t>(i * longest), lists[i].size(),
                lists[i].begin());
    searcher_.hits.stats.reranked += lists[i].size();
  }
}

void DeviceSearch::scan(std::size_t first, std::size_t count, std::vector<std::uint8_t>& open) {
  const std::size_t most = searcher_.params.k + spare;
  if (most > copies_.backend().max_found(copies_.ranking())) return;
  const bool any = std::any_of(open.begin() + static_cast<std::ptrdiff_t>(first),
                               open.begin() + static_cast<std::ptrdiff_t>(first + count),
                               [](std::uint8_t is_open) { return is_open != 0; });
  if (!any) return;
  const std::vector<Slot>& slots = allowed_slots();
  found_.assign(count * most, Scored{});
  if (searcher_.allowed.everything || !slots.empty()) {
    // All queries of the chunk, though some may have been answered: few chunks have both kinds.
    copies_.backend().knn(copies_.ranking(), (ranking_ ? *ranking_ : *walked_).block(count),
                          std::min(copies_.count(), searcher_.slots()), slots, most, found_);
  }
  searcher_.hits.stats.distances += count * searcher_.allowed.count;
  const float margin = score_margin();
  searcher_.hits.stats.exact += static_cast<std::size_t>(
      std::count(open.begin() + static_cast<std::ptrdiff_t>(first),
                 open.begin() + static_cast<std::ptrdiff_t>(first + count), std::uint8_t{1}));
  parallel_for({.count = count, .grain = 64, .threads = threads_},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 for (std::size_t i = begin; i < end; ++i)
                   if (open[first + i] != 0)
                     open[first + i] =
                         finish_scan(first + i, std::span(found_).subspan(i * most, most), margin,
                                     *workers_[number])
                             ? 0
                             : 1;
               });
}

bool DeviceSearch::finish_scan(std::size_t query, std::span<const Scored> best, float margin,
                               Worker& worker) const {
  const std::size_t k = searcher_.params.k;
  // Rows that were not found are at least as far as the last one that was.
  if (best.back().slot != no_slot && best.back().score <= best[k - 1].score + margin) return false;
  // Those past the margin cannot be among the k best.
  const float limit = best[k - 1].slot == no_slot ? std::numeric_limits<float>::infinity()
                                                  : best[k - 1].score + margin;
  const auto end = std::find_if(best.begin(), best.end(), [&](const Scored& row) {
    return row.slot == no_slot || row.score > limit;
  });
  std::vector<Scored> found(best.begin(), end);
  if (margin > 0) score_again(query, found);
  searcher_.finish(query, found, worker.best);
  return true;
}

void DeviceSearch::score_again(std::size_t query, std::vector<Scored>& found) const {
  const QueryArrays& arrays = ranking_ ? *ranking_ : *walked_;
  const float* values = arrays.block(0).values + query % chunk * rows_.ranking().padded_dim();
  const QueryBuffer unused(rows_.ranking());
  const Scorer scorer = rows_.ranking().scorer({.values = values}, unused);
  for (Scored& row : found) row.score = scorer(row.slot);
}

float DeviceSearch::score_margin() const {
  if (rows_.ranking().codec().is_code()) return 0;  // exact sums, the same on every device
  // Sums of dim products, off by dim 2^-24 of the magnitudes at most, and by 2^-16 where values are
  // pairs of halves; twice, as two are compared, and twice as squared distances have 2 <q, x>.
  float magnitude = searcher_.index.max_norm_.load();
  for (const auto& worker : workers_) magnitude = std::max(magnitude, worker->magnitude);
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
