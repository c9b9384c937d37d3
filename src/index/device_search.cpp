// Searching a VectorIndex on a device, chunk by chunk: all threads make the queries of a chunk
// ready, one call has the device walk and rank them, or compare them with all rows, and all threads
// look up ids, filters and copies of rows. While the device walks from one chunk, the host is at
// the next one and the one before.
#include <algorithm>
#include <limits>

#include "backend/query_block.hpp"
#include "core/parallel.hpp"
#include "index/device_search.hpp"
#include "index/geometry.hpp"

namespace vecinal {
namespace {

/// Queries of a chunk that is compared with rows: these are read for all of them together.
constexpr std::size_t most_queries = 16'384;

/// Of one that walks: enough to fill a device, and few enough for a call to have some. As many at
/// most as find so many nodes.
constexpr std::size_t walk_queries = 4096;
constexpr std::size_t most_nodes = std::size_t{1} << 21U;

/// Queries that are worth a thread of their own.
constexpr std::size_t thread_queries = 64;

/// Rows that a scan finds beyond k: as long as the last of them is farther than the k-th, no row
/// with the same score was left out.
constexpr std::size_t spare = 16;

std::size_t open_among(const std::vector<std::uint8_t>& open, std::size_t first,
                       std::size_t count) {
  const auto begin = open.begin() + static_cast<std::ptrdiff_t>(first);
  return static_cast<std::size_t>(std::count(begin, begin + static_cast<std::ptrdiff_t>(count), 1));
}

}  // namespace

DeviceSearch::Chunk::Chunk(const Rows& rows) : walked(rows.walked()) {
  if (!rows.ranks_as_walked()) second = std::make_unique<QueryArrays>(rows.ranking());
}

void DeviceSearch::answer(ProgressMeter& meter, std::vector<std::uint8_t>& open) {
  take_scratch();
  if (worth_walking()) {
    searcher_.hits.stats.plan = searcher_.allowed.everything ? Plan::walk : Plan::inside;
    walk_all(meter, open);
  } else {
    searcher_.hits.stats.plan = Plan::scan;
  }
  scan_all(meter, open);
  give_back_scratch();
}

void DeviceSearch::take_scratch() {
  const std::size_t wanted = (searcher_.queries.count + thread_queries - 1) / thread_queries;
  while (workers_.size() < std::min<std::size_t>(threads_, wanted)) {
    workers_.push_back(rows_.device_scratch().take());
    if (workers_.back() == nullptr) workers_.back() = std::make_unique<Worker>(rows_);
  }
}

void DeviceSearch::give_back_scratch() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const SearchStats done = std::exchange(worker(i).stats, {});
    searcher_.hits.stats.hops += done.hops;
    searcher_.hits.stats.distances += done.distances;
    searcher_.hits.stats.reranked += done.reranked;
    worker(i).magnitude = 0;
    rows_.device_scratch().give_back(std::move(workers_[i]));
  }
  workers_.clear();
  for (auto& chunk : chunks_)
    if (chunk != nullptr) rows_.device_chunks().give_back(std::move(chunk));
}

DeviceSearch::Chunk& DeviceSearch::chunk(std::size_t number) {
  std::unique_ptr<ScratchPool::Item>& item = chunks_[number % chunks_.size()];
  if (item == nullptr) item = rows_.device_chunks().take();
  if (item == nullptr) item = std::make_unique<Chunk>(rows_);
  return static_cast<Chunk&>(*item);
}

template <class Use>
void DeviceSearch::for_queries(std::size_t count, Use use) {
  parallel_for({.count = count, .grain = thread_queries, .threads = threads_},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 use(begin, end, worker(number));
               });
}

void DeviceSearch::prepare(std::size_t first, std::size_t count, For what, Chunk& chunk) {
  QueryArrays* const second = chunk.second.get();
  const bool walks = what == For::walk || second == nullptr;
  if (walks) chunk.walked.need(count, backend_);
  if (second != nullptr) second->need(count, backend_);
  for_queries(count, [&](std::size_t begin, std::size_t end, Worker& worker) {
    rows_.prepare(searcher_.queries, first + begin, first + end, searcher_.walk_dim,
                  worker.queries);
    worker.magnitude = std::max(worker.magnitude, worker.queries.magnitude);
    for (std::size_t i = begin; i < end; ++i) {
      if (walks) chunk.walked.set(i, worker.queries.walked[i - begin], worker.walked);
      if (second != nullptr) second->set(i, worker.queries.ranking()[i - begin], worker.ranking);
    }
  });
}

DeviceBreadth DeviceSearch::breadth() const {
  const Breadth usual = fused()
                            ? searcher_.breadth
                            : VectorIndex::split_breadth(searcher_.params, searcher_.usual, rows_);
  if (searcher_.allowed.everything) return {usual.window, usual.capacity};
  // Rows that are not allowed take places of the list and serve as steps.
  const auto widened = [&](std::size_t size) {
    return size * searcher_.slots() / std::max<std::size_t>(searcher_.allowed.count, 1) + 1;
  };
  return {widened(usual.window), widened(usual.capacity)};
}

DeviceFusedBreadth DeviceSearch::fused_breadth() const {
  const DeviceBreadth wide = breadth();
  return {.k = searcher_.params.k,
          .beam = wide.window,
          .capacity = wide.capacity,
          .gamma = searcher_.breadth.gamma,
          .shift = geometry_of(searcher_.index.config_).shift};
}

bool DeviceSearch::wants_walks(const VectorIndex::Searcher& searcher) {
  return searcher.index.config().graph != GraphKind::none && !searcher.params.exact &&
         searcher.params.plan != Plan::scan && searcher.params.k < searcher.allowed.count &&
         2 * searcher.allowed.count >= searcher.slots();
}

bool DeviceSearch::worth_walking() const {
  if (copies_ == nullptr || !wants_walks(searcher_)) return false;
  if (rows_.two() && backend_.max_found(copies_->ranking()) == 0) return false;
  return breadth().capacity <= (fused() ? backend_.max_fused(copies_->walked(), *copies_->tails())
                                        : backend_.max_found(copies_->walked()));
}

void DeviceSearch::walk_all(ProgressMeter& meter, std::vector<std::uint8_t>& open) {
  const std::size_t count = searcher_.queries.count;
  const std::size_t most = walks_at_a_time();
  Walks before;
  const auto end_before = [&] {
    if (before.work == nullptr) return;
    end_walks(before, open);
    meter.update(before.first + before.count);
  };
  for (std::size_t first = 0; first < count && !searcher_.deadline.passed(); first += most) {
    Walks walks = begin_walks(first, std::min(most, count - first), chunk(first / most));
    end_before();
    before = std::move(walks);
  }
  end_before();
}

std::size_t DeviceSearch::walks_at_a_time() const {
  const std::size_t count = searcher_.queries.count;
  const std::size_t most = std::clamp<std::size_t>(
      most_nodes / std::max<std::size_t>(breadth().capacity, 1), 1, walk_queries);
  const std::size_t chunks = std::max<std::size_t>(1, (count + most - 1) / most);
  return (count + chunks - 1) / chunks;  // all of the same size
}

DeviceSearch::Walks DeviceSearch::begin_walks(std::size_t first, std::size_t count, Chunk& chunk) {
  prepare(first, count, For::walk, chunk);
  const std::span<Scored> found = chunk.found.need(count * breadth().capacity, backend_);
  return {first, count, &chunk, found, find_nodes(chunk, count, found)};
}

void DeviceSearch::end_walks(Walks& walks, std::vector<std::uint8_t>& open) {
  const DeviceCounts counts = walks.work->wait();
  searcher_.hits.stats.hops += counts.hops;
  searcher_.hits.stats.distances += counts.distances;
  const std::size_t capacity = breadth().capacity;
  for_queries(walks.count, [&](std::size_t begin, std::size_t end, Worker& worker) {
    for (std::size_t i = begin; i < end; ++i) {
      collect(walks.found.subspan(i * capacity, capacity), *walks.chunk, i, worker);
      if (rows_.two()) worker.stats.reranked += worker.list.size();
      const std::size_t query = walks.first + i;
      searcher_.finish(query, worker.list, worker.best);
      open[query] = searcher_.answered(query) ? 0 : 1;
    }
  });
}

std::unique_ptr<DeviceWork> DeviceSearch::find_nodes(Chunk& chunk, std::size_t count,
                                                     std::span<Scored> found) {
  const DeviceRanking ranked{&copies_->ranking(), chunk.ranking().block(count)};
  const DeviceRanking* const ranking = rows_.two() ? &ranked : nullptr;
  const QueryBlock queries = chunk.walked.block(count);
  if (fused())
    return backend_.search_fused(copies_->walked(), copies_->graph(), *copies_->tails(), queries,
                                 fused_breadth(), ranking, found);
  return backend_.search_graph(copies_->walked(), copies_->graph(), queries, breadth(), ranking,
                               found);
}

void DeviceSearch::collect(std::span<const Scored> nodes, Chunk& chunk, std::size_t query,
                           Worker& worker) {
  std::vector<Scored>& list = worker.list;
  list.clear();
  // Rows that share a node are alike as walked rows, but those that rank may differ.
  const auto score_of = [&](const Scored& node, Slot slot) {
    if (!rows_.two() || slot == node.slot) return node.score;
    return rows_.ranking().scorer(chunk.ranking().view(query))(slot);
  };
  for (const Scored& node : nodes) {
    if (node.slot == no_slot) return;
    if (!rows_.two() && list.size() >= searcher_.params.k && node.score > list.back().score) return;
    searcher_.graph.for_twins(node.slot, [&](Slot slot) {
      if (slot < count_ && searcher_.allows(slot)) list.push_back({score_of(node, slot), slot});
    });
  }
}

void DeviceSearch::scan_all(ProgressMeter& meter, std::vector<std::uint8_t>& open) {
  const std::size_t most = searcher_.params.k + spare;
  if (most > (passing_ ? passing_->max_found() : backend_.max_found(copies_->ranking()))) return;
  const std::size_t count = searcher_.queries.count;
  for (std::size_t first = 0; first < count; first += most_queries) {
    const std::size_t size = std::min(most_queries, count - first);
    // All queries of a chunk, though some may have been answered: few chunks have both kinds.
    if (open_among(open, first, size) == 0) continue;
    if (searcher_.deadline.passed()) break;
    scan(first, size, open);
    meter.update(first + size);
  }
}

void DeviceSearch::scan(std::size_t first, std::size_t count, std::vector<std::uint8_t>& open) {
  prepare(first, count, For::scan, chunk());
  const std::size_t most = searcher_.params.k + spare;
  const std::span<Scored> found = chunk().found.need(count * most, backend_);
  compare(count, most, found);
  searcher_.hits.stats.distances += count * searcher_.allowed.count;
  searcher_.hits.stats.exact += open_among(open, first, count);
  const float margin = score_margin();
  for_queries(count, [&](std::size_t begin, std::size_t end, Worker& worker) {
    for (std::size_t i = begin; i < end; ++i)
      if (open[first + i] != 0 &&
          finish_scan(first + i, found.subspan(i * most, most), margin,
                      rows_.ranking().scorer(chunk().ranking().view(i)), worker))
        open[first + i] = 0;
  });
}

void DeviceSearch::compare(std::size_t count, std::size_t most, std::span<Scored> found) {
  const std::vector<Slot>& slots = allowed_slots();
  const QueryBlock queries = chunk().ranking().block(count);
  if (!searcher_.allowed.everything && slots.empty())
    std::fill(found.begin(), found.end(), Scored{});
  else if (passing_)
    passing_->knn(queries, slots, most, found);
  else
    backend_.knn(copies_->ranking(), queries, std::min(count_, searcher_.slots()), slots, most,
                 found);
}

bool DeviceSearch::finish_scan(std::size_t query, std::span<const Scored> best, float margin,
                               const Scorer& scorer, Worker& worker) const {
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
  if (!rows_.ranking().codec().is_code())  // floats get the scores that the host gives them
    for (Scored& row : worker.list) row.score = scorer(row.slot);
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
    if (slot < count_) allowed_slots_.push_back(slot);
  });
  return allowed_slots_;
}

}  // namespace vecinal
