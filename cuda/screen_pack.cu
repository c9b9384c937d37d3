// Rows and queries of every kind as lines of halves for the screen: one warp a row, eight dims a
// lane at a time. A row is read twice, for its greatest value and for its halves.
#include "code_panel.hpp"
#include "screen_scan.hpp"
#include "warp_pool.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned warps_a_block = 8;
constexpr unsigned piece_dims = 8;  ///< 16 bytes of halves

/// The values of dims 8 piece .. 8 piece + 7.
using Piece = float[piece_dims];

template <class Values>
__device__ void read_floats(const unsigned char* row, unsigned piece, Piece& to) {
#pragma unroll
  for (unsigned part = 0; part < 2; ++part) {
    const uint4 x = Values::load(row, piece * piece_dims + 4 * part);
    to[4 * part] = __uint_as_float(x.x);
    to[4 * part + 1] = __uint_as_float(x.y);
    to[4 * part + 2] = __uint_as_float(x.z);
    to[4 * part + 3] = __uint_as_float(x.w);
  }
}

/// Adds step * (2 code + offset) of one level; gross: the squares of what the sums add up.
template <class Codes>
__device__ void add_level(const unsigned char* row, unsigned piece, Piece& to, float& gross) {
  const unsigned header = *reinterpret_cast<const unsigned*>(row + code_header_at);
  const float step = __uint_as_float(header << 16U);
  const auto offset = static_cast<float>(static_cast<std::int16_t>(header >> 16U));
  const uint2 codes = eight_codes(row, piece / 4 * 32, piece % 4, Codes{});
#pragma unroll
  for (unsigned i = 0; i < piece_dims; ++i) {
    const auto code = static_cast<float>((i < 4 ? codes.x : codes.y) >> i % 4 * 8 & 0xFFU);
    to[i] += step * (2 * code + offset);
    const float parts = step * (2 * code + fabsf(offset));
    gross += parts * parts;
  }
}

/// What a row of a kind is made of: read() has the values of a piece, bias() what is added to the
/// product in its score. gross: of RowExtremes, squared.
template <class Rows>
struct ScreenedRow;

template <class Values, class Op>
struct ScreenedRow<FloatRows<Values, Op>> {
  __device__ static void read(const RowsView& rows, std::uint32_t slot, unsigned piece, Piece& to,
                              float& gross) {
    read_floats<Values>(rows.data + slot * rows.pitch, piece, to);
    for (const float value : to) gross += value * value;
  }
  __device__ static float bias(const RowsView& rows, std::uint32_t slot) {
    return rows.norms == nullptr ? 0 : rows.norms[slot];
  }
};

struct ScreenedCodes {
  __device__ static float bias(const RowsView& rows, std::uint32_t slot) {
    return *reinterpret_cast<const float*>(rows.data + slot * rows.pitch + code_header_at + 4);
  }
};

template <class Codes>
struct ScreenedRow<CodeRows<Codes>> : ScreenedCodes {
  __device__ static void read(const RowsView& rows, std::uint32_t slot, unsigned piece, Piece& to,
                              float& gross) {
    for (float& value : to) value = 0;
    add_level<Codes>(rows.data + slot * rows.pitch, piece, to, gross);
  }
};

template <class First, class Second>
struct ScreenedRow<LevelRows<First, Second>> : ScreenedCodes {
  __device__ static void read(const RowsView& rows, std::uint32_t slot, unsigned piece, Piece& to,
                              float& gross) {
    for (float& value : to) value = 0;
    add_level<First>(rows.base + slot * rows.base_pitch, piece, to, gross);
    add_level<Second>(rows.data + slot * rows.pitch, piece, to, gross);
  }
};

/// What a warp has seen of a line; the same in all lanes.
struct LineSums {
  float length = 0;
  float residual = 0;
  float gross = 0;
  float scale = 1;  ///< the halves are the values times this, a power of two
};

__device__ inline float warp_max(float value) {
#pragma unroll
  for (int step = 16; step != 0; step /= 2)
    value = fmaxf(value, __shfl_xor_sync(all_lanes, value, step));
  return value;
}

/// Writes a line of `pieces` pieces, of which the first `full` have values: read(piece, to, gross).
/// lines: of its tile; tile_lines: how many these are; line: its number.
template <class Read>
__device__ LineSums pack_line(unsigned char* lines, unsigned tile_lines, unsigned line,
                              unsigned pieces, unsigned full, unsigned lane, Read read) {
  float most = 0;
  LineSums sums;
  for (unsigned piece = lane; piece < full; piece += warp_size) {
    Piece values;
    read(piece, values, sums.gross);
    for (const float value : values) {
      most = fmaxf(most, fabsf(value));
      sums.length += value * value;
    }
  }
  sums.scale = scale_below_one(warp_max(most));
  for (unsigned piece = lane; piece < pieces; piece += warp_size) {
    Piece values = {};
    float unused = 0;
    if (piece < full) read(piece, values, unused);
    unsigned halves[piece_dims / 2];
#pragma unroll
    for (unsigned i = 0; i < piece_dims / 2; ++i) {
      const float first = values[2 * i] * sums.scale;
      const float second = values[2 * i + 1] * sums.scale;
      halves[i] = pack_halves(first, second);
      const float left = first - half_value(halves[i] & 0xFFFFU);
      const float right = second - half_value(halves[i] >> 16U);
      sums.residual += left * left + right * right;
    }
    constexpr unsigned line_pieces = line_dims / piece_dims;
    unsigned char* chunk =
        lines + static_cast<std::size_t>(piece / line_pieces) * tile_lines * line_bytes;
    *reinterpret_cast<uint4*>(chunk + swizzled(line, piece % line_pieces)) = {halves[0], halves[1],
                                                                              halves[2], halves[3]};
  }
  // Sums of squares, rounded up by far more than their own rounding.
  constexpr float up = 1.001F;
  sums.length = up * sqrtf(team_sum(sums.length, warp_size));
  sums.gross = up * sqrtf(team_sum(sums.gross, warp_size));
  sums.residual = up * sqrtf(team_sum(sums.residual, warp_size)) / sums.scale;
  return sums;
}

template <class Rows>
__global__ void pack_rows_kernel(RowsView rows, ScreenRows batch, unsigned pieces,
                                 ScreenMemory memory) {
  using Kind = ScreenedRow<Rows>;
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned full = rows.padded_dim / piece_dims;
  const unsigned lines = (batch.count + screen_rows - 1) / screen_rows * screen_rows;
  LineSums most{0, 0, 0, 0};
  float most_bias = 0;
  for (unsigned i = blockIdx.x * warps_a_block + threadIdx.x / warp_size; i < lines;
       i += gridDim.x * warps_a_block) {
    unsigned char* tile =
        memory.row_lines + static_cast<std::size_t>(i / screen_rows) * pieces * screen_rows * 16;
    const bool there = i < batch.count;
    const unsigned number = batch.first + (there ? i : 0);
    const std::uint32_t slot = batch.slots == nullptr ? number : batch.slots[number];
    const LineSums sums = pack_line(
        tile, screen_rows, i % screen_rows, pieces, there ? full : 0, lane,
        [&](unsigned piece, Piece& to, float& gross) { Kind::read(rows, slot, piece, to, gross); });
    const float bias = Kind::bias(rows, slot);
    if (lane == 0) memory.row_terms[i] = {there ? bias : INFINITY, 1.0F / sums.scale};
    most.length = fmaxf(most.length, sums.length);
    most.residual = fmaxf(most.residual, sums.residual);
    most.gross = fmaxf(most.gross, sums.gross);
    most_bias = fmaxf(most_bias, fabsf(bias));
  }
  if (lane != 0) return;
  atomicMax(&memory.extremes->length, __float_as_uint(most.length));
  atomicMax(&memory.extremes->residual, __float_as_uint(most.residual));
  atomicMax(&memory.extremes->gross, __float_as_uint(most.gross));
  atomicMax(&memory.extremes->bias, __float_as_uint(most_bias));
}

/// How queries of a kind are read, and what they weigh.
template <class Rows>
struct ScreenedQuery {
  __device__ static void read(const unsigned char* query, unsigned piece, Piece& to) {
    const auto* words = reinterpret_cast<const unsigned*>(query) + piece * piece_dims / 2;
#pragma unroll
    for (unsigned i = 0; i < piece_dims; ++i)
      to[i] = static_cast<float>(static_cast<std::int16_t>(words[i / 2] >> i % 2 * 16));
  }
  __device__ static float weight(const QueriesView& queries, unsigned query) {
    return queries.scales[3 * query];
  }
  __device__ static float constant(const QueriesView& queries, unsigned query, float) {
    return queries.scales[3 * query + 2];
  }
};

template <class Values, class Op>
struct ScreenedQuery<FloatRows<Values, Op>> {
  static constexpr bool l2 = std::is_same_v<Op, SquaredL2>;
  __device__ static void read(const unsigned char* query, unsigned piece, Piece& to) {
    read_floats<F32Values>(query, piece, to);
  }
  __device__ static float weight(const QueriesView&, unsigned) { return l2 ? -2.0F : -1.0F; }
  __device__ static float constant(const QueriesView&, unsigned, float squared) {
    return l2 ? squared : 0.0F;
  }
};

template <class Rows>
__global__ void pack_queries_kernel(QueriesView queries, ScreenShape shape, ScreenMemory memory) {
  using Kind = ScreenedQuery<Rows>;
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned query = blockIdx.x * warps_a_block + threadIdx.x / warp_size;
  const unsigned pieces = shape.chunks() * (line_dims / piece_dims);
  if (query >= shape.query_tiles() * screen_queries) return;
  const bool there = query < shape.queries;
  const unsigned char* values = queries.values + (there ? query : 0) * queries.query_bytes;
  unsigned char* tile = memory.query_lines + static_cast<std::size_t>(query / screen_queries) *
                                                 pieces * screen_queries * 16;
  float squared = 0;
  const LineSums sums = pack_line(tile, screen_queries, query % screen_queries, pieces,
                                  there ? shape.dims / piece_dims : 0, lane,
                                  [&](unsigned piece, Piece& to, float& gross) {
                                    Kind::read(values, piece, to);
                                    for (const float value : to) {
                                      gross += value * value;
                                      squared += value * value;
                                    }
                                  });
  squared = team_sum(squared, warp_size);
  if (lane != 0 || !there) return;
  const float weight = Kind::weight(queries, query);
  memory.query_terms[query] = {weight / sums.scale, Kind::constant(queries, query, squared),
                               fabsf(weight), sums.length, sums.residual};
  memory.passed_counts[query] = 0;
  memory.limits[query] = static_cast<unsigned>(key_of(INFINITY, 0) >> 32U);
}

}  // namespace

void pack_queries(const KindOfRows& kind, const QueriesView& queries, const ScreenShape& shape,
                  const ScreenMemory& memory, Stream stream) {
  fill_bytes(memory.extremes, 0, sizeof(RowExtremes), stream);
  with_rows(kind.type, kind.op, [&](auto row_kind) {
    launch("pack_queries", pack_queries_kernel<decltype(row_kind)>,
           Grid{{shape.query_tiles() * (screen_queries / warps_a_block), 1, 1},
                warps_a_block * warp_size,
                0},
           stream, queries, shape, memory);
  });
}

void pack_rows(const KindOfRows& kind, const RowsView& rows, const ScreenRows& batch,
               const ScreenShape& shape, const ScreenMemory& memory, Stream stream) {
  const unsigned lines = (batch.count + screen_rows - 1) / screen_rows * screen_rows;
  const unsigned blocks = lines / warps_a_block;
  const unsigned most = 16 * device_info().multiprocessors;
  with_rows(kind.type, kind.op, [&](auto row_kind) {
    launch("pack_rows", pack_rows_kernel<decltype(row_kind)>,
           Grid{{blocks < most ? blocks : most, 1, 1}, warps_a_block * warp_size, 0}, stream, rows,
           batch, shape.chunks() * (line_dims / piece_dims), memory);
  });
}

}  // namespace vecinal::cuda
