/// One search call of a VectorIndex on a device.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "backend/query_block.hpp"
#include "index/mirror.hpp"
#include "index/passing_rows.hpp"
#include "index/searcher.hpp"

namespace vecinal {

class DeviceSearch {
 public:
  DeviceSearch(const VectorIndex::Searcher& searcher, const Mirror::Hold& copies, unsigned threads)
      : searcher_(searcher),
        backend_(copies.backend()),
        copies_(&copies),
        rows_(searcher.rows),
        count_(copies.count()),
        threads_(threads) {}

  /// Without copies, as the device has no room for them: all queries are compared with rows that
  /// pass through it.
  DeviceSearch(const VectorIndex::Searcher& searcher, Backend& backend, unsigned threads)
      : searcher_(searcher),
        backend_(backend),
        rows_(searcher.rows),
        passing_(std::in_place, backend, searcher.rows, searcher.slots()),
        count_(searcher.slots()),
        threads_(threads) {}

  /// Whether the queries are to walk the graph, which they can only do over copies.
  [[nodiscard]] static bool wants_walks(const VectorIndex::Searcher& searcher);

  /// Answers the queries, by walks or scans; marks in `open` those whose answers it cannot vouch
  /// for, which are for the host.
  void answer(ProgressMeter& meter, std::vector<std::uint8_t>& open);

 private:
  /// A chunk of queries as the rows want them that are walked, and those that rank; and what the
  /// device finds for them.
  struct Chunk final : ScratchPool::Item {
    explicit Chunk(const Rows& rows);
    [[nodiscard]] QueryArrays& ranking() { return second ? *second : walked; }

    QueryArrays walked;
    std::unique_ptr<QueryArrays> second;  ///< null where they are the same
    PinnedArray<Scored> found;
  };

  /// Queries first .. first + count - 1, which walk on the device.
  struct Walks {
    std::size_t first = 0;
    std::size_t count = 0;
    Chunk* chunk = nullptr;
    std::span<Scored> found;  ///< by then
    std::unique_ptr<DeviceWork> work;
  };

  /// What one thread needs.
  struct Worker final : ScratchPool::Item {
    explicit Worker(const Rows& rows) : walked(rows.walked()), ranking(rows.ranking()) {}

    QuerySet queries;
    QueryBuffer walked;
    QueryBuffer ranking;
    std::vector<Scored> list;
    std::vector<std::pair<float, Id>> best;
    float magnitude = 0;
    SearchStats stats;
  };

  /// Takes scratch for all threads from the rows', and gives it back.
  void take_scratch();
  void give_back_scratch();
  [[nodiscard]] Worker& worker(std::size_t number) {
    return static_cast<Worker&>(*workers_[number]);
  }
  /// One of two: while the device is at one, the other is made ready or looked up.
  [[nodiscard]] Chunk& chunk(std::size_t number = 0);

  /// Calls use(number of a query of the chunk, worker) for `count` of them, on all threads.
  template <class Use>
  void for_queries(std::size_t count, Use use);

  /// Makes queries first .. first + count - 1 ready: those that walk, those that rank, or both.
  enum class For : std::uint8_t { walk, scan };
  void prepare(std::size_t first, std::size_t count, For what, Chunk& chunk);
  /// By fused rows, or else by rows and links.
  [[nodiscard]] bool fused() const { return copies_->tails() != nullptr; }
  [[nodiscard]] DeviceBreadth breadth() const;
  [[nodiscard]] DeviceFusedBreadth fused_breadth() const;
  [[nodiscard]] bool worth_walking() const;
  void walk_all(ProgressMeter& meter, std::vector<std::uint8_t>& open);
  /// Queries that walk together.
  [[nodiscard]] std::size_t walks_at_a_time() const;
  [[nodiscard]] Walks begin_walks(std::size_t first, std::size_t count, Chunk& chunk);
  void end_walks(Walks& walks, std::vector<std::uint8_t>& open);
  /// Has the device walk from the queries of the chunk.
  [[nodiscard]] std::unique_ptr<DeviceWork> find_nodes(Chunk& chunk, std::size_t count,
                                                       std::span<Scored> found);
  /// The allowed rows of nodes that a walk has found for a query of the chunk, into the worker's
  /// list.
  void collect(std::span<const Scored> nodes, Chunk& chunk, std::size_t query, Worker& worker);
  void scan_all(ProgressMeter& meter, std::vector<std::uint8_t>& open);
  void scan(std::size_t first, std::size_t count, std::vector<std::uint8_t>& open);
  void compare(std::size_t count, std::size_t most, std::span<Scored> found);
  /// False if rows as good as the k-th may have been left out.
  [[nodiscard]] bool finish_scan(std::size_t query, std::span<const Scored> best, float margin,
                                 const Scorer& scorer, Worker& worker) const;
  /// How far scores of the device may be from the host's.
  [[nodiscard]] float score_margin();
  [[nodiscard]] const std::vector<Slot>& allowed_slots();

  const VectorIndex::Searcher& searcher_;
  Backend& backend_;
  const Mirror::Hold* copies_ = nullptr;  ///< null where rows pass
  const Rows& rows_;
  std::optional<PassingRows> passing_;
  std::size_t count_;  ///< rows that can be seen on the device
  unsigned threads_;
  std::vector<std::unique_ptr<ScratchPool::Item>> workers_;
  std::array<std::unique_ptr<ScratchPool::Item>, 2> chunks_;
  std::vector<Slot> allowed_slots_;
};

}  // namespace vecinal
