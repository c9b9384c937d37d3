/// Exact search: every query against every listed row, by register-tiled products and a streaming
/// top-k (step_scan.hpp), or row by row for a few queries.
///
/// Products are rounded, so what they say is widened by a bound of their error, and the rows that
/// may be near are scored again by the kernels that graph search uses: the result is exactly the
/// top k of Scorer, and an n x q matrix never exists.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/deadline.hpp"
#include "encoding/storage.hpp"

namespace vecinal {

/// Which rows are compared: the listed slots, or, if none are, the first `count`.
struct ScanRows {
  std::size_t count = 0;
  std::span<const Slot> slots = {};

  [[nodiscard]] std::size_t size() const { return slots.empty() ? count : slots.size(); }
  [[nodiscard]] Slot operator[](std::size_t i) const {
    return slots.empty() ? static_cast<Slot>(i) : slots[i];
  }
};

struct ScanParams {
  std::size_t k = 10;
  float max_norm = 0;      ///< no row and no query is longer than this (Euclidean)
  unsigned threads = 1;    ///< resolved
  Deadline deadline = {};  ///< rows that come after it has passed are left out
};

/// queries: in the space of the rows. slots: the rows to compare with; empty means the first
/// `rows` of them. done(query, best): all rows whose score is at most the k-th best, so ties are
/// complete, in no order; called once a query, from any thread. watch(queries done): from the
/// calling thread.
void scan(const Storage& storage, const ScanRows& rows, std::span<const Query> queries,
          const ScanParams& params,
          const std::function<void(std::size_t query, std::span<Scored> best)>& done,
          const std::function<void(std::size_t)>& watch);

}  // namespace vecinal
