#include "backend/scan.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "backend/step_scan.hpp"
#include "core/best_rows.hpp"
#include "core/parallel.hpp"

namespace vecinal {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
/// One query against every row by the scoring kernel: with few queries a tile would be mostly
/// empty.
class RowScan {
 public:
  RowScan(const Storage& storage, const ScanRows& rows, const ScanParams& params)
      : storage_(storage), rows_(rows), params_(params), buffer_(storage) {}

  std::vector<Scored>& run(const Query& query) {
    const Scorer scorer = storage_.scorer(query, buffer_);
    float limit = infinity;
    survivors_.reset(params_.k, 0.0F);
    for (std::size_t first = 0; first < rows_.size() && !params_.deadline.passed();
         first += chunk) {
      const std::size_t rows = std::min(chunk, rows_.size() - first);
      if (rows_.slots.empty())
        std::iota(numbers_.begin(), numbers_.end(), static_cast<Slot>(first));
      const Slot* slots = rows_.slots.empty() ? numbers_.data() : rows_.slots.data() + first;
      scorer(slots, rows, scores_.data());
      for (std::size_t i = 0; i < rows; ++i)
        if (scores_[i] <= limit) limit = survivors_.add({scores_[i], slots[i]}, limit);
    }
    survivors_.shrink();
    return survivors_.found();
  }

 private:
  static constexpr std::size_t chunk = 256;
  const Storage& storage_;
  const ScanRows rows_;
  const ScanParams& params_;
  QueryBuffer buffer_;
  BestRows survivors_;
  std::array<Slot, chunk> numbers_{};
  std::array<float, chunk> scores_{};
};

/// A tile costs about as much for one query as for this many.
constexpr std::size_t few_queries = 3;

}  // namespace

void scan(const Storage& storage, const ScanRows& rows, std::span<const Query> queries,
          const ScanParams& params, const std::function<void(std::size_t, std::span<Scored>)>& done,
          const std::function<void(std::size_t)>& watch) {
  if (queries.size() <= few_queries || !StepScan::fits(params.max_norm)) {
    parallel_for(
        {.count = queries.size(), .grain = 1, .threads = params.threads},
        [&](std::size_t q, std::size_t, unsigned) {
          done(q, RowScan(storage, rows, params).run(queries[q]));
        },
        watch);
    return;
  }
  const std::size_t width = StepScan::width();
  // Enough queries a pass that reading the rows costs little, few enough that progress is seen and
  // threads share.
  const std::size_t share = (queries.size() + params.threads - 1) / params.threads;
  const std::size_t group =
      std::clamp<std::size_t>((share + width - 1) / width * width, width, 16 * width);
  parallel_for(
      {.count = queries.size(), .grain = group, .threads = params.threads},
      [&](std::size_t begin, std::size_t end, unsigned) {
        StepScan panels(storage, rows, params);
        panels.run(queries.subspan(begin, end - begin),
                   [&](std::size_t q, std::span<Scored> best) { done(begin + q, best); });
      },
      watch);
}

}  // namespace vecinal
