/// Scores of rows of codes: inner products in integers. Included by kernels.cpp only.
#pragma once

#include <cstring>
#include "kernels/float_rows.hpp"
#include "kernels/rows.hpp"
#include "kernels/vec.hpp"
#if defined(VECINAL_ISA_avx512_vnni)
#include "kernels/split_steps.hpp"
#endif

namespace {

using std::int16_t;
using std::int32_t;
using std::uint8_t;
using vecinal::kernels::CodeHeader;

struct Bytes {
  static constexpr size_t of(size_t dim) { return dim; }
  static I32 dot(const uint8_t* c, const int16_t* q, I32 acc) { return dot_bytes(c, q, acc); }
};

struct Nibbles {
  static constexpr size_t of(size_t dim) { return dim / 2; }
  static I32 dot(const uint8_t* c, const int16_t* q, I32 acc) { return dot_nibbles(c, q, acc); }
};

template <class Codes>
int32_t dot_codes(const uint8_t* codes, const int16_t* steps, size_t dim) {
  I32 even = zero_i32();
  I32 odd = zero_i32();
  size_t d = 0;
  for (; d + 64 <= dim; d += 64) {
    even = Codes::dot(codes + Codes::of(d), steps + d, even);
    odd = Codes::dot(codes + Codes::of(d + 32), steps + d + 32, odd);
  }
  if (d < dim) even = Codes::dot(codes + Codes::of(d), steps + d, even);
  return sum(add(even, odd));
}

/// The same for four rows: together they take less.
template <class Codes>
void dot_four_codes(const uint8_t* const (&codes)[4], const int16_t* steps, size_t dim,
                    int32_t (&to)[4]) {
  I32 sums[4] = {zero_i32(), zero_i32(), zero_i32(), zero_i32()};
  for (size_t d = 0; d < dim; d += 32)
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i)
      sums[i] = Codes::dot(codes[i] + Codes::of(d), steps + d, sums[i]);
  sum_four(sums[0], sums[1], sums[2], sums[3], to);
}

/// A query's steps as they are.
template <class Codes>
class WholeSteps {
 public:
  WholeSteps(const int16_t* steps, size_t dim) : steps_(steps), dim_(dim) {}
  int32_t dot(const uint8_t* codes) const { return dot_codes<Codes>(codes, steps_, dim_); }
  void dot_four(const uint8_t* const (&codes)[4], int32_t (&to)[4]) const {
    dot_four_codes<Codes>(codes, steps_, dim_, to);
  }

 private:
  const int16_t* steps_;
  size_t dim_;
};

inline CodeHeader header_of(const std::byte* row) {
  CodeHeader header;
  std::memcpy(&header, row, sizeof header);
  return header;
}

inline float step_of(const CodeHeader& header) {
  const uint32_t bits = static_cast<uint32_t>(header.step) << 16U;
  float step = 0;
  std::memcpy(&step, &bits, sizeof step);
  return step;
}

inline const uint8_t* codes_of(const std::byte* row) {
  return reinterpret_cast<const uint8_t*>(row + sizeof(CodeHeader));
}

/// <steps, row> of one level, from <steps, codes>.
inline float dot_row(const QueryView& query, const CodeHeader& header, int32_t dot) {
  return step_of(header) *
         (2.0F * static_cast<float>(dot) + static_cast<float>(header.offset) * query.sum);
}

inline float score_row(const QueryView& query, const std::byte* row, int32_t dot) {
  const CodeHeader header = header_of(row);
  return query.constant + header.bias + query.scale * dot_row(query, header, dot);
}

template <class Codes, class Steps>
void score_by(const Steps& steps, const QueryView& query, const RowView& rows,
              const uint32_t* slots, size_t count, float* out) {
  const size_t bytes = sizeof(CodeHeader) + Codes::of(rows.padded_dim);
  const auto row_at = [&](size_t i) { return rows.data + slots[i] * rows.stride; };
  for_rows<4>(
      rows, slots, count,
      [&](uint32_t slot) { prefetch_row(rows.data + slot * rows.stride, bytes); },
      [&](size_t i) {
        const uint8_t* codes[4];
        for (size_t j = 0; j < 4; ++j) codes[j] = codes_of(row_at(i + j));
        int32_t dots[4];
        steps.dot_four(codes, dots);
        for (size_t j = 0; j < 4; ++j) out[i + j] = score_row(query, row_at(i + j), dots[j]);
      },
      [&](size_t i) { out[i] = score_row(query, row_at(i), steps.dot(codes_of(row_at(i)))); });
}

template <class Codes>
void score_codes(const QueryView& query, const RowView& rows, const uint32_t* slots, size_t count,
                 float* out) noexcept {
  score_by<Codes>(WholeSteps<Codes>(query.steps, rows.padded_dim), query, rows, slots, count, out);
}

void score_nibbles(const QueryView& query, const RowView& rows, const uint32_t* slots, size_t count,
                   float* out) noexcept {
#if defined(VECINAL_ISA_avx512_vnni)
  if (count >= SplitSteps::least_rows && rows.padded_dim <= SplitSteps::most_dim)
    return score_by<Nibbles>(SplitSteps(query.steps, rows.padded_dim), query, rows, slots, count,
                             out);
#endif
  score_codes<Nibbles>(query, rows, slots, count, out);
}

template <class First, class Second>
void score_levels(const QueryView& query, const RowView& rows, const uint32_t* slots, size_t count,
                  float* out) noexcept {
  const size_t dim = rows.padded_dim;
  const size_t bytes = sizeof(CodeHeader) + Second::of(dim);
  const size_t base_bytes = sizeof(CodeHeader) + First::of(dim);
  const auto score_one = [&](size_t i) {
    const std::byte* row = rows.data + slots[i] * rows.stride;
    const std::byte* base = rows.base + slots[i] * rows.base_stride;
    const CodeHeader header = header_of(row);
    const float dot =
        dot_row(query, header_of(base), dot_codes<First>(codes_of(base), query.steps, dim)) +
        dot_row(query, header, dot_codes<Second>(codes_of(row), query.steps, dim));
    out[i] = query.constant + header.bias + query.scale * dot;
  };
  for_rows<1>(
      rows, slots, count,
      [&](uint32_t slot) {
        prefetch_row(rows.data + slot * rows.stride, bytes);
        prefetch_row(rows.base + slot * rows.base_stride, base_bytes);
      },
      score_one, score_one);
}

}  // namespace
