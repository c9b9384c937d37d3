/// Plain views shared by the kernels and their callers. Knows nothing of C++ containers,
/// so that the per-ISA objects instantiate no library code.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecinal::kernels {

/// Values of a row are padded with zeros to a multiple of this, so kernels have no tails.
inline constexpr std::size_t row_padding = 16;

inline constexpr std::size_t padded(std::size_t dim) {
  return (dim + row_padding - 1) / row_padding * row_padding;
}

/// Codes are padded further, so that a block of them fills the widest registers.
inline constexpr std::size_t code_padding = 32;

inline constexpr std::size_t padded_codes(std::size_t dim) {
  return (dim + code_padding - 1) / code_padding * code_padding;
}

/// Signs of neighbours are kept four dims together.
inline constexpr std::size_t sign_group = 4;

inline constexpr std::size_t grouped_signs(std::size_t dim) {
  return (dim + sign_group - 1) / sign_group * sign_group;
}

/// Row encodings that have kernels, and operations; both index KernelTable::score.
/// lvq8, lvq4: codes. lvqAxB: rows of B-bit codes of what the A-bit codes of RowView::base left
/// over.
enum class RowType : std::uint8_t { f32, f16, lvq8, lvq4, lvq4x4, lvq4x8, lvq8x8 };
enum class Op : std::uint8_t { negative_dot, l2 };
inline constexpr std::size_t row_types = 7;
inline constexpr std::size_t ops = 2;

/// Rows of one encoding, side by side: row i starts at data + i * stride bytes.
///
///   f32, f16   | value 0 | value 1 | ... | value dim-1 | zeros up to padded(dim) |
///   lvq        | CodeHeader | codes of padded_codes(dim) values |
struct RowView {
  const std::byte* data = nullptr;
  std::size_t stride = 0;      ///< bytes
  std::size_t padded_dim = 0;  ///< values, a multiple of row_padding or code_padding
  std::uint32_t rows_ahead =
      0;  ///< while one row is scored, the row this many places later is fetched
  const std::byte* base = nullptr;  ///< two-level rows: the first level, row by row
  std::size_t base_stride = 0;
  const std::uint32_t* then = nullptr;  ///< rows that are scored next, fetched behind these
  std::size_t then_count = 0;
};

/// Starts every row of codes. Value d of the row is step * (2 * code[d] + offset): a small integer
/// times one number, so a row of codes can be compared with another one in integers.
/// One-byte codes lie in order; 4-bit codes in blocks of 32: byte j holds code j (low bits) and
/// code 16 + j.
struct CodeHeader {
  std::uint16_t step;  ///< the upper half of a float32 (bfloat16), rounded before codes are made
  std::int16_t offset;
  float bias;  ///< what the score adds for this row
};

/// A query as the kernels of its row type want it.
struct QueryView {
  const float* values = nullptr;  ///< float rows: padded_dim values
  const std::int16_t* steps =
      nullptr;         ///< codes: padded_dim integers, sum of magnitudes <= max_step_sum
  float scale = 0;     ///< codes: weight of the inner product times the size of a query step
  float sum = 0;       ///< codes: sum of the steps
  float constant = 0;  ///< codes: what the score adds for this query
};

/// With it, no sum of products of steps and one-byte codes leaves the range of int32.
inline constexpr std::int32_t max_step_sum = 0x7FFFFFFF / 255;

}  // namespace vecinal::kernels
