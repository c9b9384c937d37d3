#include "backend/step_scan.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/best_rows.hpp"

namespace vecinal {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Of a vector in steps: products then fit int32, whatever rounding adds.
constexpr float step_length = 32000;

/// Rows that are fetched while others are made steps.
constexpr std::size_t rows_ahead = 4;

/// Rows that fit a part of L2 in steps, in whole tiles.
std::size_t rows_a_block(std::size_t dim) {
  constexpr std::size_t block_bytes = std::size_t{128} << 10U;
  constexpr std::size_t tile = 8;
  return std::max<std::size_t>(1, block_bytes / (dim * sizeof(std::int16_t)) / tile) * tile;
}

/// Products of steps are less than this from those of the vectors: each side is moved by half a
/// step a value at most, a little more as float32 rounds too.
float product_error(std::size_t dim) {
  const auto values = static_cast<float>(dim);
  return 1.05F * step_length * std::sqrt(values) + values / 2 + 128;
}

}  // namespace

StepScan::StepScan(const Storage& storage, const ScanRows& rows, const ScanParams& params)
    : storage_(storage),
      rows_(rows),
      params_(params),
      table_(kernels::active()),
      width_(width()),
      dim_(storage.padded_dim()),
      block_(rows_a_block(dim_)),
      buffer_(storage),
      values_(dim_),
      steps_(block_ * dim_),
      gains_(block_),
      bias_(block_),
      sums_(block_ * width_),
      scores_(block_ * width_),
      hits_(block_) {}

void StepScan::run(std::span<const Query> queries,
                   const std::function<void(std::size_t, std::span<Scored>)>& done) {
  prepare(queries);
  for (std::size_t first = 0; first < rows_.size() && !params_.deadline.passed(); first += block_) {
    const std::size_t count = std::min(block_, rows_.size() - first);
    load(first, count);
    for (std::size_t panel = 0; panel * width_ < queries.size(); ++panel)
      scan_panel(panel, first, count, queries.size());
  }
  for (std::size_t q = 0; q < queries.size(); ++q) finish(q, queries[q], done);
}

float StepScan::weight() const {
  return codes() ? storage_.format().weight : (l2() ? -2.0F : -1.0F);
}

/// What sums in float32 may add to the error of steps: dim eps |q||x| for a chain of dim products,
/// and as much again for norms and constants.
float StepScan::doubt() const {
  const float eps = 0x1.0p-24F * (static_cast<float>(dim_) + 16.0F);
  return (l2() || codes() ? 4.0F : 1.0F) * eps * params_.max_norm * params_.max_norm;
}

void StepScan::prepare(std::span<const Query> queries) {
  const std::size_t panels = (queries.size() + width_ - 1) / width_;
  panels_ = AlignedArray<std::int16_t>(panels * dim_ * width_);
  scales_.assign(panels * width_, 0.0F);
  slacks_.assign(panels * width_, 0.0F);
  limits_.assign(panels * width_, -infinity);
  near_.resize(queries.size());
  for (std::size_t q = 0; q < queries.size(); ++q) {
    std::int16_t* panel = panels_.data() + q / width_ * dim_ * width_ + 2 * (q % width_);
    storage_.rounded(queries[q], buffer_, buffer_.values());
    const float value = table_.direction(buffer_.values(), dim_, step_length, steps_.data()).step;
    for (std::size_t d = 0; d < dim_; ++d) panel[d / 2 * 2 * width_ + d % 2] = steps_.data()[d];
    scales_[q] = weight() * value;
    slacks_[q] = std::fabs(scales_[q]) * product_error(dim_);
    limits_[q] = infinity;
    near_[q].reset(params_.k, doubt());
  }
}

void StepScan::load(std::size_t first, std::size_t count) {
  const bool floats = storage_.codec().is_float();
  for (std::size_t i = 0; i < count; ++i) {
    const Slot slot = rows_[first + i];
    if (i + rows_ahead < count) storage_.prefetch(rows_[first + i + rows_ahead]);
    const float* row = values_.data();
    if (floats)
      row = reinterpret_cast<const float*>(storage_.row(slot));
    else
      storage_.decode(slot, values_.data(), buffer_.values());
    const kernels::Direction way =
        table_.direction(row, dim_, step_length, steps_.data() + i * dim_);
    gains_[i] = way.step;
    bias_[i] = l2() ? way.square : storage_.bias(slot);
  }
}

void StepScan::scan_panel(std::size_t panel, std::size_t first, std::size_t count,
                          std::size_t queries) {
  const std::size_t base = panel * width_;
  float* limits = limits_.data() + base;
  table_.step_tile(
      {steps_.data(), dim_, count, dim_, panels_.data() + panel * dim_ * width_, gains_.data(),
       bias_.data(), scales_.data() + base, slacks_.data() + base, limits, sums_.data()},
      scores_.data(), hits_.data());
  for (std::size_t i = 0; i < count; ++i) {
    for (std::uint32_t hits = hits_[i]; hits != 0; hits &= hits - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(hits));
      const float least = scores_.data()[i * width_ + lane];
      if (base + lane >= queries || least > limits[lane]) continue;
      const float greatest = least + 2 * gains_[i] * slacks_[base + lane];
      limits[lane] = near_[base + lane].add({least, greatest, rows_[first + i]}, limits[lane]);
    }
  }
}

void StepScan::finish(std::size_t q, const Query& query,
                      const std::function<void(std::size_t, std::span<Scored>)>& done) {
  near_[q].shrink();
  const std::vector<NearRows::Row>& rows = near_[q].rows();
  slots_.clear();
  for (const NearRows::Row& row : rows) slots_.push_back(row.slot);
  exact_.resize(slots_.size());
  storage_.scorer(query, buffer_)(slots_.data(), slots_.size(), exact_.data());
  found_.clear();
  for (std::size_t i = 0; i < slots_.size(); ++i) found_.push_back({exact_[i], slots_[i]});
  done(q, best_of(found_, params_.k));
}

}  // namespace vecinal
