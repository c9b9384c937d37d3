#include "backend/scan.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/best_rows.hpp"
#include "core/parallel.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::size_t block_bytes = std::size_t{128} << 10U;

/// Rows that fit a block of L2, in whole tiles.
std::size_t rows_a_block(std::size_t dim, std::size_t tile_rows) {
  return std::max<std::size_t>(1, block_bytes / (dim * sizeof(float)) / tile_rows) * tile_rows;
}

/// One thread's scan of one panel of queries at a time over blocks of rows.
class PanelScan {
 public:
  PanelScan(const Storage& storage, const ScanRows& rows, const ScanParams& params)
      : storage_(storage),
        rows_(rows),
        params_(params),
        table_(kernels::active()),
        width_(table_.tile_queries),
        dim_(storage.padded_dim()),
        block_(rows_a_block(dim_, table_.tile_rows)),
        buffer_(storage),
        values_(block_ * dim_),
        bias_(block_),
        scores_(block_ * width_),
        hits_(block_) {}

  /// Panels of `width` queries; all of them see a block of rows before the next block is read.
  void run(std::span<const Query> queries,
           const std::function<void(std::size_t, std::span<Scored>)>& done) {
    prepare(queries);
    for (std::size_t first = 0; first < rows_.size() && !params_.deadline.passed();
         first += block_) {
      const std::size_t rows = std::min(block_, rows_.size() - first);
      const float* values = load(first, rows);
      for (std::size_t panel = 0; panel * width_ < queries.size(); ++panel)
        scan_panel(panel, values, first, rows, queries.size());
    }
    for (std::size_t q = 0; q < queries.size(); ++q) finish(q, queries[q], done);
  }

  [[nodiscard]] std::size_t width() const { return width_; }

 private:
  [[nodiscard]] bool codes() const { return storage_.codec().is_code(); }
  [[nodiscard]] bool l2() const { return !codes() && storage_.format().op == kernels::Op::l2; }
  [[nodiscard]] float weight() const {
    return codes() ? storage_.format().weight : (l2() ? -2.0F : -1.0F);
  }

  void prepare(std::span<const Query> queries) {
    const std::size_t panels = (queries.size() + width_ - 1) / width_;
    panels_.assign(panels * dim_ * width_, 0.0F);
    limits_.assign(panels * width_, -infinity);
    survivors_.resize(queries.size());
    // |error| <= dim eps |q||x| for a chain of dim products, and as much again for the norms in l2.
    const float eps = 0x1.0p-24F * (static_cast<float>(dim_) + 16.0F);
    const float error = (l2() || codes() ? 4.0F : 1.0F) * eps * params_.max_norm * params_.max_norm;
    for (std::size_t q = 0; q < queries.size(); ++q) {
      float* panel = panels_.data() + q / width_ * dim_ * width_ + q % width_;
      storage_.rounded(queries[q], buffer_, buffer_.values());
      for (std::size_t d = 0; d < dim_; ++d) panel[d * width_] = buffer_.values()[d];
      limits_[q] = infinity;
      survivors_[q].reset(params_.k, 2.0F * error);
    }
  }

  /// The rows of a block as floats, and for l2 their squared norms.
  const float* load(std::size_t first, std::size_t rows) {
    const float* values = values_.data();
    if (rows_.slots.empty() && storage_.codec().is_float()) {
      values = reinterpret_cast<const float*>(storage_.row(static_cast<Slot>(first)));
    } else {
      for (std::size_t i = 0; i < rows; ++i)
        storage_.decode(rows_[first + i], values_.data() + i * dim_, buffer_.values());
    }
    for (std::size_t i = 0; i < rows; ++i)
      bias_[i] = l2() ? squared_norm(values + i * dim_) : storage_.bias(rows_[first + i]);
    return values;
  }

  [[nodiscard]] float squared_norm(const float* row) const {
    const kernels::RowView view{reinterpret_cast<const std::byte*>(row), 0, dim_, 0};
    const std::uint32_t self = 0;
    float score = 0;
    table_.score[static_cast<std::size_t>(kernels::RowType::f32)][static_cast<std::size_t>(
        kernels::Op::negative_dot)]({.values = row}, view, &self, 1, &score);
    return -score;
  }

  void scan_panel(std::size_t panel, const float* values, std::size_t first, std::size_t rows,
                  std::size_t queries) {
    const std::size_t base = panel * width_;
    float* limits = limits_.data() + base;
    const kernels::Tile tile{
        values,       dim_,     rows,  dim_, panels_.data() + panel * dim_ * width_,
        bias_.data(), weight(), limits};
    table_.tile(tile, scores_.data(), hits_.data());
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::uint32_t hits = hits_[i]; hits != 0; hits &= hits - 1) {
        const auto lane = static_cast<std::size_t>(std::countr_zero(hits));
        const float score = scores_[i * width_ + lane];
        if (base + lane < queries && score <= limits[lane])
          limits[lane] = survivors_[base + lane].add({score, rows_[first + i]}, limits[lane]);
      }
    }
  }

  void finish(std::size_t q, const Query& query,
              const std::function<void(std::size_t, std::span<Scored>)>& done) {
    survivors_[q].shrink();
    std::vector<Scored>& found = survivors_[q].found();
    const Scorer scorer = storage_.scorer(query, buffer_);
    for (Scored& row : found) row.score = scorer(row.slot);
    done(q, best_of(found, params_.k));
  }

  const Storage& storage_;
  const ScanRows rows_;
  ScanParams params_;
  const kernels::KernelTable& table_;
  std::size_t width_;
  std::size_t dim_;
  std::size_t block_;
  QueryBuffer buffer_;
  AlignedFloats values_;
  std::vector<float> bias_;
  std::vector<float> scores_;
  std::vector<std::uint32_t> hits_;
  std::vector<float> panels_;
  std::vector<float> limits_;
  std::vector<BestRows> survivors_;
};

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
  if (queries.size() <= few_queries) {
    parallel_for(
        {.count = queries.size(), .grain = 1, .threads = params.threads},
        [&](std::size_t q, std::size_t, unsigned) {
          done(q, RowScan(storage, rows, params).run(queries[q]));
        },
        watch);
    return;
  }
  const std::size_t width = kernels::active().tile_queries;
  // Enough queries a pass that reading the rows costs little, few enough that progress is seen and
  // threads share.
  const std::size_t share = (queries.size() + params.threads - 1) / params.threads;
  const std::size_t group =
      std::clamp<std::size_t>((share + width - 1) / width * width, width, 16 * width);
  parallel_for(
      {.count = queries.size(), .grain = group, .threads = params.threads},
      [&](std::size_t begin, std::size_t end, unsigned) {
        PanelScan panels(storage, rows, params);
        panels.run(queries.subspan(begin, end - begin),
                   [&](std::size_t q, std::span<Scored> best) { done(begin + q, best); });
      },
      watch);
}

}  // namespace vecinal
