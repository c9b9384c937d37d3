#include "encoding/storage.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/cache_lines.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

/// Rows fetched ahead while one is scored: enough bytes in flight to hide a memory access, and no
/// more than the core's line fill buffers and L1 can take. Cores with AVX-512 take more of both.
/// docs/benchmarks-avx512.md has the measurement.
std::uint32_t rows_ahead(std::size_t row_bytes) {
  const SimdLevel level = active_simd();
  const bool large = level == SimdLevel::avx512 || level == SimdLevel::avx512_vnni;
  const std::size_t bytes = large ? 8192 : 4096;
  const std::size_t most = large ? 16 : 8;
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(bytes / row_bytes, 1, most));
}

/// The float32 kernel on two vectors.
float compare(kernels::Op op, const float* a, const float* b, std::size_t padded_dim) {
  const kernels::RowView view{reinterpret_cast<const std::byte*>(b), 0, padded_dim, 0};
  const std::uint32_t first = 0;
  float score = 0;
  kernels::active().score[static_cast<std::size_t>(kernels::RowType::f32)]
                         [static_cast<std::size_t>(op)]({.values = a}, view, &first, 1, &score);
  return score;
}

kernels::CodeHeader header_of(const std::byte* row) {
  kernels::CodeHeader header;
  std::memcpy(&header, row, sizeof header);
  return header;
}

/// Sum of magnitudes.
std::int64_t magnitude(const std::int16_t* steps, std::size_t count) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::abs(static_cast<std::int32_t>(steps[i]));
  return sum;
}

}  // namespace

QueryBuffer::QueryBuffer(const Storage& rows)
    : values_(2 * rows.padded_dim()), steps_(rows.padded_dim()) {}

Storage::Storage(const RowFormat& format, const Storage* base)
    : format_(format),
      codec_(vecinal::codec(format.type, format.fitted)),
      base_(base),
      kernel_(kernels::active().score[static_cast<std::size_t>(format.type)]
                                     [static_cast<std::size_t>(format.op)]),
      padded_dim_(codec_.padded(format.dim)),
      row_bytes_(codec_.stride(padded_dim_)),
      stride_(format.tail == 0 ? row_bytes_ : whole_lines(row_bytes_ + format.tail)) {}

void Storage::resize(std::size_t rows) {
  bytes_.resize(rows * stride_);
  size_ = rows;
}

Encoded Storage::set(Slot slot, const float* row, float bias, QueryBuffer& buffer) {
  std::byte* to = bytes_.data() + slot * stride_;
  if (!codec_.is_code()) return {.in_range = codec_.encode(row, padded_dim_, to)};
  float* decoded = buffer.values();
  float* rest = decoded + padded_dim_;
  const float* input = row;
  if (base_ != nullptr) {
    base_->codec_.decode(base_->row(slot), padded_dim_, decoded);
    for (std::size_t d = 0; d < padded_dim_; ++d) rest[d] = row[d] - decoded[d];
    input = rest;
  }
  if (!codec_.encode(input, padded_dim_, to)) return {.in_range = false};
  decode(slot, decoded, rest);
  return finish(slot, row, bias, decoded);
}

Encoded Storage::finish(Slot slot, const float* row, float bias, const float* decoded) {
  Encoded result;
  result.squared_norm = -compare(kernels::Op::negative_dot, row, row, padded_dim_);
  result.squared_error = compare(kernels::Op::l2, row, decoded, padded_dim_);
  std::byte* to = bytes_.data() + slot * stride_;
  kernels::CodeHeader header = header_of(to);
  const float product = -compare(kernels::Op::negative_dot, row, decoded, padded_dim_);
  header.bias = bias + format_.correction * (product - static_cast<float>(result.squared_norm));
  std::memcpy(to, &header, sizeof header);
  const float step = codec_.step(to);
  for (std::size_t d = 0; d < padded_dim_; ++d)
    result.clipped += std::fabs(row[d] - decoded[d]) > 1.05F * step ? 1U : 0U;
  return result;
}

void Storage::prefetch(Slot slot) const { prefetch_lines(row(slot), row_bytes_); }

void Storage::decode(Slot slot, float* to, float* scratch) const {
  codec_.decode(row(slot), padded_dim_, to);
  if (base_ == nullptr) return;
  base_->codec_.decode(base_->row(slot), padded_dim_, scratch);
  for (std::size_t d = 0; d < padded_dim_; ++d) to[d] += scratch[d];
}

float Storage::bias(Slot slot) const { return codec_.is_code() ? header_of(row(slot)).bias : 0.0F; }

kernels::RowView Storage::view() const {
  kernels::RowView view{bytes_.data(), stride_, padded_dim_, rows_ahead(row_bytes_), nullptr, 0};
  if (base_ != nullptr) {
    view.base = base_->bytes_.data();
    view.base_stride = base_->stride_;
  }
  return view;
}

float to_steps(const float* query, std::size_t padded_dim, std::int32_t max_sum,
               std::int16_t* steps) {
  float most = 0;
  float sum = 0;
  kernels::active().magnitudes(query, padded_dim, &most, &sum);
  if (most == 0) {
    std::fill_n(steps, padded_dim, std::int16_t{0});
    return 0;
  }
  // Rounding adds at most half a step a value.
  const float room = static_cast<float>(max_sum) - static_cast<float>(padded_dim);
  const float factor =
      std::min({32766.0F / most, 0.999F * room / sum, std::numeric_limits<float>::max()});
  kernels::active().to_steps(query, padded_dim, factor, steps);
  return 1.0F / factor;
}

Scorer Storage::code_scorer(const std::int16_t* steps, float size, float constant) const {
  const std::int32_t sum = kernels::active().sum_steps(steps, padded_dim_);
  return {{.steps = steps,
           .scale = format_.weight * size,
           .sum = static_cast<float>(sum),
           .constant = constant},
          view(),
          kernel_};
}

Scorer Storage::scorer(const Query& query, const QueryBuffer& buffer) const {
  if (!codec_.is_code()) return {{.values = query.values}, view(), kernel_};
  const float size = to_steps(query.values, padded_dim_, kernels::max_step_sum, buffer.steps());
  return code_scorer(buffer.steps(), size, query.constant);
}

Scorer Storage::scorer_of(Slot slot, const QueryBuffer& buffer) const {
  if (codec_.is_float())
    return {{.values = reinterpret_cast<const float*>(row(slot))}, view(), kernel_};
  if (!codec_.is_code()) {
    codec_.decode(row(slot), padded_dim_, buffer.values());
    return {{.values = buffer.values()}, view(), kernel_};
  }
  codec_.widen(row(slot), padded_dim_, buffer.steps());
  float size = codec_.step(row(slot));
  // Only rows of very many dims, or whose spread is small beside their mean, can be that large.
  const std::int64_t largest = 510 + std::abs(header_of(row(slot)).offset);
  if (largest * static_cast<std::int64_t>(padded_dim_) > kernels::max_step_sum) {
    for (std::int64_t sum = magnitude(buffer.steps(), padded_dim_); sum > kernels::max_step_sum;
         sum /= 2) {
      for (std::size_t d = 0; d < padded_dim_; ++d) buffer.steps()[d] /= 2;
      size *= 2;
    }
  }
  return code_scorer(buffer.steps(), size, format_.origin + bias(slot));
}

void Storage::rounded(const Query& query, const QueryBuffer& buffer, float* to) const {
  if (!codec_.is_code()) {
    std::copy_n(query.values, padded_dim_, to);
    return;
  }
  const float size = to_steps(query.values, padded_dim_, kernels::max_step_sum, buffer.steps());
  for (std::size_t d = 0; d < padded_dim_; ++d)
    to[d] = size * static_cast<float>(buffer.steps()[d]);
}

}  // namespace vecinal
