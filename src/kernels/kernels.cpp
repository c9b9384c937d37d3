// Every kernel, once, over the primitives of vec_<isa>.hpp. This file is compiled once for each
// instruction set; VECINAL_ISA_<isa> says which. All but the table is in an anonymous namespace and
// no library header with code is included: an inline function that two objects share could be kept
// by the linker in its AVX-512 form and crash an older CPU. tests/arch checks the objects for weak
// symbols.
#include "kernels/kernels.hpp"

#if defined(VECINAL_ISA_scalar)
#include "kernels/vec_scalar.hpp"
#define VECINAL_TABLE table_scalar
#elif defined(VECINAL_ISA_avx2)
#include "kernels/vec_avx2.hpp"
#define VECINAL_TABLE table_avx2
#elif defined(VECINAL_ISA_avx512)
#include "kernels/vec_avx512.hpp"
#define VECINAL_TABLE table_avx512
#elif defined(VECINAL_ISA_neon)
#include "kernels/vec_neon.hpp"
#define VECINAL_TABLE table_neon
#else
#error "compile with VECINAL_ISA_<isa> defined"
#endif

namespace {

using std::size_t;
using std::uint16_t;
using std::uint32_t;
using vecinal::kernels::RowView;
using vecinal::kernels::Tile;

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
  for (size_t line = 0; line < bytes; line += 64) {
    prefetch(row + line);
    asm volatile("" ::: "memory");  // GCC 12 otherwise keeps only the first prefetch of such a loop
  }
}

template <class Op, class Row>
void score(const float* query, const RowView& rows, const uint32_t* slots, size_t count,
           float* out) noexcept {
  const size_t bytes = rows.padded_dim * Row::bytes;
  const size_t ahead = rows.rows_ahead;
  for (size_t i = 0; i < ahead && i < count; ++i)
    prefetch_row(rows.data + slots[i] * rows.stride, bytes);
  for (size_t i = 0; i < count; ++i) {
    if (i + ahead < count) prefetch_row(rows.data + slots[i + ahead] * rows.stride, bytes);
    out[i] = score_one<Op>(query, Row(rows.data + slots[i] * rows.stride), rows.padded_dim);
  }
}

// ---- the exact scan: tile_rows rows x tile_queries queries, all sums in registers ----

constexpr size_t panel_vectors = 2;
constexpr size_t tile_queries = panel_vectors * F32::width;
constexpr size_t tile_rows = (F32::registers - 2 * panel_vectors) / panel_vectors;

// Dimensions a panel is walked at a time, so that its part stays in L1 while all rows pass it.
constexpr size_t panel_dims = 256;

/// Adds the products of dimensions [begin, end) to the sums in scores.
template <size_t Rows>
void tile_block(const Tile& tile, size_t first, size_t begin, size_t end, float* scores) {
  // Every loop over acc is unrolled: an index that is no constant would keep it in memory (3x
  // slower).
  F32 acc[Rows][panel_vectors];
  float* sums = scores + first * tile_queries;
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v)
      acc[r][v] = begin == 0 ? zero() : load(sums + r * tile_queries + v * F32::width);
  const float* row = tile.rows + first * tile.row_stride;
  for (size_t d = begin; d < end; ++d) {
    F32 q[panel_vectors];
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v)
      q[v] = load(tile.panel + d * tile_queries + v * F32::width);
#pragma GCC unroll 16
    for (size_t r = 0; r < Rows; ++r) {
      const F32 x = broadcast(row + r * tile.row_stride + d);
#pragma GCC unroll 16
      for (size_t v = 0; v < panel_vectors; ++v) acc[r][v] = fma(x, q[v], acc[r][v]);
    }
  }
#pragma GCC unroll 16
  for (size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (size_t v = 0; v < panel_vectors; ++v)
      store(sums + r * tile_queries + v * F32::width, acc[r][v]);
}

/// Sums to scores, and which of them are within the limits.
uint32_t finish_row(const Tile& tile, size_t row, float* scores) {
  const F32 scale = broadcast(&tile.scale);
  const F32 bias = broadcast(tile.bias + row);
  uint32_t mask = 0;
  for (size_t v = 0; v < tile_queries; v += F32::width) {
    const F32 score = fma(load(scores + row * tile_queries + v), scale, bias);
    store(scores + row * tile_queries + v, score);
    mask |= less_equal(score, load(tile.limits + v)) << v;
  }
  return mask;
}

void tile(const Tile& t, float* scores, uint32_t* hits) noexcept {
  for (size_t begin = 0; begin < t.dim; begin += panel_dims) {
    const size_t end = begin + panel_dims < t.dim ? begin + panel_dims : t.dim;
    size_t first = 0;
    for (; first + tile_rows <= t.row_count; first += tile_rows)
      tile_block<tile_rows>(t, first, begin, end, scores);
    for (; first < t.row_count; ++first) tile_block<1>(t, first, begin, end, scores);
  }
  for (size_t row = 0; row < t.row_count; ++row) hits[row] = finish_row(t, row, scores);
}

void to_half(const float* from, uint16_t* to, size_t count) noexcept {
  for (size_t i = 0; i < count; i += F32::width) store_half(to + i, load(from + i));
}

void from_half(const uint16_t* from, float* to, size_t count) noexcept {
  for (size_t i = 0; i < count; i += F32::width) store(to + i, load_half(from + i));
}

}  // namespace

namespace vecinal::kernels {

const KernelTable& VECINAL_TABLE() noexcept {
  static constexpr KernelTable table = {
      {{score<NegativeDot, RowF32>, score<L2, RowF32>},
       {score<NegativeDot, RowF16>, score<L2, RowF16>}},
      tile,
      tile_queries,
      tile_rows,
      to_half,
      from_half,
  };
  return table;
}

}  // namespace vecinal::kernels
