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

/// Rows of one encoding, side by side: row i starts at data + i * stride bytes.
///
///   | value 0 | value 1 | ... | value dim-1 | zeros up to padded(dim) |
struct RowView {
  const std::byte* data = nullptr;
  std::size_t stride = 0;      ///< bytes
  std::size_t padded_dim = 0;  ///< values, a multiple of row_padding
  std::uint32_t rows_ahead =
      0;  ///< while one row is scored, the row this many places later is fetched
};

/// Row encodings and operations that have kernels; both index KernelTable::score.
enum class RowType : std::uint8_t { f32, f16 };
enum class Op : std::uint8_t { negative_dot, l2 };
inline constexpr std::size_t row_types = 2;
inline constexpr std::size_t ops = 2;

}  // namespace vecinal::kernels
