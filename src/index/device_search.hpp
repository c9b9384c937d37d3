/// One search call of a VectorIndex on a device.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backend/query_block.hpp"
#include "index/mirror.hpp"
#include "index/searcher.hpp"

namespace vecinal {

class DeviceSearch {
 public:
  DeviceSearch(const VectorIndex::Searcher& searcher, const Mirror::Hold& copies, unsigned threads)
      : searcher_(searcher), copies_(copies), rows_(searcher.rows), threads_(threads) {}

  /// Answers the queries, by walks or scans; marks in `open` those whose answers it cannot vouch
  /// for, which are for the host.
  void answer(ProgressMeter& meter, std::vector<std::uint8_t>& open);

 private:
  /// Queries as the rows want them that are walked, and those that rank.
  struct Prepared {
    Prepared(const Rows& rows, std::size_t count);
    [[nodiscard]] const QueryArrays& ranking() const { return second ? *second : walked; }

    std::size_t capacity;
    QueryArrays walked;
    std::unique_ptr<QueryArrays> second;  ///< null where the walked rows rank
  };

  /// What one thread needs.
  struct Worker final : ScratchPool::Item {
    explicit Worker(const Rows& rows) : walked(rows.walked()), ranking(rows.ranking()) {}

    QuerySet queries;
    QueryBuffer walked;
    QueryBuffer ranking;
    std::unique_ptr<Prepared> prepared;  ///< of walks
    std::vector<Scored> found;
    std::vector<Scored> list;
    std::vector<std::pair<float, Id>> best;
    float magnitude = 0;
    SearchStats stats;
  };

  /// Takes scratch for so many threads from the rows', and gives it back.
  void take_workers(std::size_t count);
  void give_back_workers();
  [[nodiscard]] Worker& worker(std::size_t number) {
    return static_cast<Worker&>(*workers_[number]);
  }

  /// Makes queries first .. first + count - 1 ready, as numbers `at` on of `to`.
  void prepare(std::size_t first, std::size_t count, Worker& worker, Prepared& to,
               std::size_t at) const;
  [[nodiscard]] DeviceBreadth breadth() const;
  [[nodiscard]] bool worth_walking() const;
  void walk_all(ProgressMeter& meter, std::vector<std::uint8_t>& open);
  void walk(std::size_t first, std::size_t count, Worker& worker,
            std::vector<std::uint8_t>& open) const;
  /// The allowed rows of nodes that a walk has found for number `query` of the worker's, into its
  /// list.
  void collect(std::span<const Scored> nodes, std::size_t query, Worker& worker) const;
  void scan_all(ProgressMeter& meter, std::vector<std::uint8_t>& open);
  void scan(std::size_t first, std::size_t count, Prepared& prepared,
            std::vector<std::uint8_t>& open);
  /// False if rows as good as the k-th may have been left out. values: the query's, for float rows.
  [[nodiscard]] bool finish_scan(std::size_t query, std::span<const Scored> best, float margin,
                                 const float* values, Worker& worker) const;
  /// How far scores of the device may be from the host's.
  [[nodiscard]] float score_margin();
  [[nodiscard]] const std::vector<Slot>& allowed_slots();

  const VectorIndex::Searcher& searcher_;
  const Mirror::Hold& copies_;
  const Rows& rows_;
  unsigned threads_;
  std::vector<std::unique_ptr<ScratchPool::Item>> workers_;
  std::vector<Scored> found_;
  std::vector<Slot> allowed_slots_;
};

}  // namespace vecinal
