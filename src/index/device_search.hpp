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
  DeviceSearch(const VectorIndex::Searcher& searcher, const Mirror::Hold& copies, unsigned threads);

  /// Answers the queries, by walks or scans; marks in `open` those whose answers it cannot vouch
  /// for, which are for the host.
  void answer(ProgressMeter& meter, std::vector<std::uint8_t>& open);

 private:
  struct Worker {
    explicit Worker(const Rows& rows) : walked(rows.walked()), ranking(rows.ranking()) {}
    QuerySet queries;
    QueryBuffer walked;
    QueryBuffer ranking;
    std::vector<std::pair<float, Id>> best;
    float magnitude = 0;
  };

  void prepare(std::size_t first, std::size_t count);
  [[nodiscard]] DeviceBreadth breadth() const;
  [[nodiscard]] bool worth_walking() const;
  void walk(std::size_t first, std::size_t count, std::vector<std::uint8_t>& open);
  /// The allowed rows of nodes that a walk found.
  void collect(std::span<const Scored> nodes, std::vector<Scored>& list) const;
  /// Gives the rows of all lists the scores of the rows that rank.
  void rank(std::size_t count, std::vector<std::vector<Scored>>& lists);
  void scan(std::size_t first, std::size_t count, std::vector<std::uint8_t>& open);
  /// False if rows as good as the k-th may have been left out.
  [[nodiscard]] bool finish_scan(std::size_t query, std::span<const Scored> best, float margin,
                                 Worker& worker) const;
  /// Float rows get the scores that the host gives them.
  void score_again(std::size_t query, std::vector<Scored>& found) const;
  /// How far scores of the device may be from the host's.
  [[nodiscard]] float score_margin() const;
  [[nodiscard]] const std::vector<Slot>& allowed_slots();

  const VectorIndex::Searcher& searcher_;
  const Mirror::Hold& copies_;
  const Rows& rows_;
  unsigned threads_;
  std::unique_ptr<QueryArrays> walked_;
  std::unique_ptr<QueryArrays> ranking_;  ///< null where the walked rows rank
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Scored> found_;
  std::vector<Slot> allowed_slots_;
};

}  // namespace vecinal
