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
  const float* values = nullptr;
  RowF32() = default;
  explicit RowF32(const std::byte* row) : values(reinterpret_cast<const float*>(row)) {}
  F32 at(size_t i) const { return load(values + i); }
};

struct RowF16 {
  static constexpr size_t bytes = 2;
  const uint16_t* values = nullptr;
  RowF16() = default;
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

/// Rows that a query's values are loaded for at once.
inline constexpr size_t rows_at_once = F32::registers >= 32 ? 4 : 2;

/// Scores `count` rows. The sums of a row do not depend on how many they are.
template <class Op, class Row, size_t count>
void score_some(const float* query, const Row (&rows)[count], size_t dim, float* out) {
  constexpr size_t w = F32::width;
  F32 acc[count][4];  // four chains a row hide the latency of the multiply-add
  for (auto& chains : acc)
    for (F32& chain : chains) chain = zero();
  size_t i = 0;
  const auto fold = [&](size_t k) {
    const F32 q = load(query + i + k * w);
#pragma GCC unroll 4
    for (size_t r = 0; r < count; ++r) acc[r][k] = Op::fold(q, rows[r].at(i + k * w), acc[r][k]);
  };
  for (; i + 4 * w <= dim; i += 4 * w)
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; ++k) fold(k);
  const size_t left = (dim - i) / w;
  if (left > 0) fold(0);
  if (left > 1) fold(1);
  if (left > 2) fold(2);
#pragma GCC unroll 4
  for (size_t r = 0; r < count; ++r)
    out[r] = Op::finish(sum(add(add(acc[r][0], acc[r][1]), add(acc[r][2], acc[r][3]))));
}

template <class Op, class Row>
float score_one(const float* query, Row row, size_t dim) {
  const Row rows[1] = {row};
  float score = 0;
  score_some<Op>(query, rows, dim, &score);
  return score;
}

inline void prefetch_row(const std::byte* row, size_t bytes) {
  const std::byte* const end = row + bytes;
  row -= reinterpret_cast<std::uintptr_t>(row) % 64;
  for (; row < end; row += 64) {
    prefetch(row);
    asm volatile("" ::: "memory");  // GCC 12 otherwise keeps only the first prefetch of such a loop
  }
}

/// Scores the rows `together` at a time, then one by one, while those some places later are on
/// their way from memory.
template <size_t together, class Fetch, class ScoreSome, class ScoreOne>
void for_rows(const RowView& rows, const uint32_t* slots, size_t count, Fetch fetch,
              ScoreSome score_some, ScoreOne score_one) {
  const size_t ahead = rows.rows_ahead;
  const auto fetch_behind = [&](size_t i) {
    const size_t at = i + ahead;
    if (at < count)
      fetch(slots[at]);
    else if (at - count < rows.then_count)
      fetch(rows.then[at - count]);
  };
  for (size_t i = 0; i < ahead && i < count; ++i) fetch(slots[i]);
  size_t i = 0;
  for (; i + together <= count; i += together) {
    for (size_t j = 0; j < together; ++j) fetch_behind(i + j);
    score_some(i);
  }
  for (; i < count; ++i) {
    fetch_behind(i);
    score_one(i);
  }
}

template <class Op, class Row>
void score(const QueryView& query, const RowView& rows, const uint32_t* slots, size_t count,
           float* out) noexcept {
  const size_t bytes = rows.padded_dim * Row::bytes;
  const auto row_at = [&](size_t i) { return Row(rows.data + slots[i] * rows.stride); };
  for_rows<rows_at_once>(
      rows, slots, count,
      [&](uint32_t slot) { prefetch_row(rows.data + slot * rows.stride, bytes); },
      [&](size_t i) {
        Row some[rows_at_once];
        for (size_t j = 0; j < rows_at_once; ++j) some[j] = row_at(i + j);
        score_some<Op>(query.values, some, rows.padded_dim, out + i);
      },
      [&](size_t i) { out[i] = score_one<Op>(query.values, row_at(i), rows.padded_dim); });
}

void to_half(const float* from, uint16_t* to, size_t count) noexcept {
  for (size_t i = 0; i < count; i += F32::width) store_half(to + i, load(from + i));
}

void from_half(const uint16_t* from, float* to, size_t count) noexcept {
  for (size_t i = 0; i < count; i += F32::width) store(to + i, load_half(from + i));
}

}  // namespace
