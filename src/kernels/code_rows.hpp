/// Scores of rows of codes: inner products in integers. Included by kernels.cpp only.
#pragma once

#include <cstring>
#include "kernels/float_rows.hpp"
#include "kernels/rows.hpp"
#include "kernels/vec.hpp"

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

/// <steps, row> of one level.
template <class Codes>
float dot_row(const QueryView& query, const std::byte* row, const CodeHeader& header, size_t dim) {
  const auto* codes = reinterpret_cast<const uint8_t*>(row + sizeof(CodeHeader));
  const auto dot = static_cast<float>(dot_codes<Codes>(codes, query.steps, dim));
  return step_of(header) * (2.0F * dot + static_cast<float>(header.offset) * query.sum);
}

template <class Codes>
void score_codes(const QueryView& query, const RowView& rows, const uint32_t* slots, size_t count,
                 float* out) noexcept {
  const size_t dim = rows.padded_dim;
  const size_t bytes = sizeof(CodeHeader) + Codes::of(dim);
  for_rows(
      rows, slots, count,
      [&](uint32_t slot) { prefetch_row(rows.data + slot * rows.stride, bytes); },
      [&](size_t i) {
        const std::byte* row = rows.data + slots[i] * rows.stride;
        const CodeHeader header = header_of(row);
        out[i] =
            query.constant + header.bias + query.scale * dot_row<Codes>(query, row, header, dim);
      });
}

template <class First, class Second>
void score_levels(const QueryView& query, const RowView& rows, const uint32_t* slots, size_t count,
                  float* out) noexcept {
  const size_t dim = rows.padded_dim;
  const size_t bytes = sizeof(CodeHeader) + Second::of(dim);
  const size_t base_bytes = sizeof(CodeHeader) + First::of(dim);
  for_rows(
      rows, slots, count,
      [&](uint32_t slot) {
        prefetch_row(rows.data + slot * rows.stride, bytes);
        prefetch_row(rows.base + slot * rows.base_stride, base_bytes);
      },
      [&](size_t i) {
        const std::byte* row = rows.data + slots[i] * rows.stride;
        const std::byte* base = rows.base + slots[i] * rows.base_stride;
        const CodeHeader header = header_of(row);
        const float dot = dot_row<First>(query, base, header_of(base), dim) +
                          dot_row<Second>(query, row, header, dim);
        out[i] = query.constant + header.bias + query.scale * dot;
      });
}

}  // namespace
