/// Scores of float32 and float16 rows. Included by kernels.cpp only.
#pragma once

#include "kernels/rows.hpp"
#include "kernels/vec.hpp"

namespace {

using std::size_t;
using std::uint16_t;
using std::uint32_t;
using vecinal::kernels::QueryView;
using vecinal::kernels::RowView;

// ---- rows: how F32::width values at position i of a row are read ----

struct RowF32 {
  static constexpr size_t bytes = 4;
  const float* values;
  explicit RowF32(const std::byte* row) : values(reinterpret_cast<const float*>(row)) {}
  F32 at(size_t i) const { return load(values + i); }
};

struct RowF16 {
  static constexpr size_t bytes = 2;
  const uint16_t* values;
  explicit RowF16(const std::byte* row) : values(reinterpret_cast<const uint16_t*>(row)) {}
  F32 at(size_t i) const { return load_half(values + i); }
};

// ---- operations: what is summed over the dimensions, and the score made of the sum ----

struct NegativeDot {
  static F32 fold(F32 q, F32 x, F32 acc) { return fma(q, x, acc); }
  static float finish(float sum) { return -sum; }
};

struct L2 {
  static F32 fold(F32 q, F32 x, F32 acc) {
    const F32 d = sub(q, x);
    return fma(d, d, acc);
  }
  static float finish(float sum) { return sum; }
};

template <class Op, class Row>
float score_one(const float* query, Row row, size_t dim) {
  constexpr size_t w = F32::width;
  F32 acc[4] = {zero(), zero(), zero(),
                zero()};  // four chains hide the latency of the multiply-add
  size_t i = 0;
  for (; i + 4 * w <= dim; i += 4 * w)
    for (size_t k = 0; k < 4; ++k)
      acc[k] = Op::fold(load(query + i + k * w), row.at(i + k * w), acc[k]);
  for (size_t k = 0; i < dim; i += w, ++k) acc[k] = Op::fold(load(query + i), row.at(i), acc[k]);
  return Op::finish(sum(add(add(acc[0], acc[1]), add(acc[2], acc[3]))));
}

inline void prefetch_row(const std::byte* row, size_t bytes) {
  const std::byte* const end = row + bytes;
  row -= reinterpret_cast<std::uintptr_t>(row) % 64;
  for (; row < end; row += 64) {
    prefetch(row);
    asm volatile("" ::: "memory");  // GCC 12 otherwise keeps only the first prefetch of such a loop
  }
}

/// Scores the rows one by one, while those some places later are on their way from memory.
template <class Prefetch, class ScoreRow>
void for_rows(const RowView& rows, const uint32_t* slots, size_t count, Prefetch fetch,
              ScoreRow score_row) {
  const size_t ahead = rows.rows_ahead;
  for (size_t i = 0; i < ahead && i < count; ++i) fetch(slots[i]);
  for (size_t i = 0; i < count; ++i) {
    const size_t at = i + ahead;
    if (at < count)
      fetch(slots[at]);
    else if (at - count < rows.then_count)
      fetch(rows.then[at - count]);
    score_row(i);
  }
}

template <class Op, class Row>
void score(const QueryView& query, const RowView& rows, const uint32_t* slots, size_t count,
           float* out) noexcept {
  const size_t bytes = rows.padded_dim * Row::bytes;
  for_rows(
      rows, slots, count,
      [&](uint32_t slot) { prefetch_row(rows.data + slot * rows.stride, bytes); },
      [&](size_t i) {
        out[i] =
            score_one<Op>(query.values, Row(rows.data + slots[i] * rows.stride), rows.padded_dim);
      });
}

void to_half(const float* from, uint16_t* to, size_t count) noexcept {
  for (size_t i = 0; i < count; i += F32::width) store_half(to + i, load(from + i));
}

void from_half(const uint16_t* from, float* to, size_t count) noexcept {
  for (size_t i = 0; i < count; i += F32::width) store(to + i, load_half(from + i));
}

}  // namespace
