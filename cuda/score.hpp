/// Scores of rows on the device, by teams of lanes: each lane of a team reads every team-th 16
/// bytes of the row, and the parts are summed across the team. A team has several rows in hand:
/// what it reads of the query serves all of them, and reads of one hide the wait for those of
/// another. One kind of row is one struct with a scores(); kernels are templates over it.
///
/// A row in device memory starts at a multiple of 32 bytes. Floats lie there as on the host; of
/// codes the CodeHeader stands at byte 8, so that the codes start at byte 16.
#pragma once

#include "kernels/rows.hpp"
#include "runtime.hpp"

namespace vecinal::cuda {

inline constexpr std::size_t row_alignment = 32;
inline constexpr std::size_t code_header_at = 8;
inline constexpr unsigned code_begin = 16;

/// Rows in device memory: kernels::RowView, with the pitch of the device.
struct RowsView {
  const unsigned char* data = nullptr;
  std::size_t pitch = 0;
  const unsigned char* base = nullptr;
  std::size_t base_pitch = 0;
  std::uint32_t padded_dim = 0;
  std::uint32_t team = warp_size;  ///< lanes that score a row together, a power of two
  const float* norms = nullptr;    ///< squared lengths; of floats compared by l2
};

/// Queries in device memory: QueryBlock.
struct QueriesView {
  const unsigned char* values = nullptr;  ///< floats or steps, query by query
  std::size_t query_bytes = 0;            ///< a multiple of 16
  const float* scales = nullptr;          ///< codes: scale, sum, constant of each query
};

/// One query, its values at hand in shared memory.
struct QueryAtHand {
  const unsigned char* values = nullptr;
  float scale = 0;
  float sum = 0;
  float constant = 0;
};

/// The two products of a pair of 16-bit integers with two of four bytes.
__device__ inline int dot_low(unsigned steps, unsigned codes, int sum) {
#ifdef __CUDACC__
  int result;
  asm("dp2a.lo.s32.u32 %0, %1, %2, %3;" : "=r"(result) : "r"(steps), "r"(codes), "r"(sum));
  return result;
#else
  const auto low = static_cast<std::int16_t>(steps & 0xFFFFU);
  const auto high = static_cast<std::int16_t>(steps >> 16U);
  return sum + low * static_cast<int>(codes & 0xFFU) + high * static_cast<int>(codes >> 8U & 0xFFU);
#endif
}

__device__ inline int dot_high(unsigned steps, unsigned codes, int sum) {
#ifdef __CUDACC__
  int result;
  asm("dp2a.hi.s32.u32 %0, %1, %2, %3;" : "=r"(result) : "r"(steps), "r"(codes), "r"(sum));
  return result;
#else
  return dot_low(steps, codes >> 16U, sum);
#endif
}

/// Of four codes and the two words of their steps.
__device__ inline int dot_word(unsigned codes, unsigned first, unsigned second, int sum) {
  return dot_high(second, codes, dot_low(first, codes, sum));
}

__device__ inline float half_value(unsigned bits) {
#ifdef __CUDACC__
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(static_cast<unsigned short>(bits)));
  return value;
#else
  __extension__ _Float16 value;
  const auto half = static_cast<std::uint16_t>(bits);
  std::memcpy(&value, &half, sizeof value);
  return static_cast<float>(value);
#endif
}

template <class T>
__device__ T team_sum(T value, unsigned team) {
  for (unsigned step = team / 2; step != 0; step /= 2)
    value += __shfl_xor_sync(all_lanes, value, static_cast<int>(step));
  return value;
}

/// One-byte codes: 16 to a lane's read.
struct Bytes {
  static constexpr unsigned chunk_codes = 16;
  __device__ static int dot(const uint4& codes, const uint4* steps, int sum) {
    const uint4 a = steps[0];
    const uint4 b = steps[1];
    sum = dot_word(codes.x, a.x, a.y, sum);
    sum = dot_word(codes.y, a.z, a.w, sum);
    sum = dot_word(codes.z, b.x, b.y, sum);
    return dot_word(codes.w, b.z, b.w, sum);
  }
};

/// 4-bit codes: a block of 32 to a lane's read, the first 16 in the low halves of its bytes.
struct Nibbles {
  static constexpr unsigned chunk_codes = 32;
  __device__ static uint4 low(const uint4& codes) {
    return {codes.x & 0x0F0F0F0FU, codes.y & 0x0F0F0F0FU, codes.z & 0x0F0F0F0FU,
            codes.w & 0x0F0F0F0FU};
  }
  __device__ static int dot(const uint4& codes, const uint4* steps, int sum) {
    const uint4 shifted{codes.x >> 4U, codes.y >> 4U, codes.z >> 4U, codes.w >> 4U};
    return Bytes::dot(low(shifted), steps + 2, Bytes::dot(low(codes), steps, sum));
  }
};

/// step * (2 * dot + offset * sum) of one level, as the CPU rounds it. header: of the row, its
/// first four bytes. dot, sum: of the query's steps with the codes, and alone.
__device__ inline float level_product(unsigned header, int dot, float sum) {
  const float step = __uint_as_float(header << 16U);
  const auto offset = static_cast<std::int16_t>(header >> 16U);
  return __fmul_rn(step, __fadd_rn(__fmul_rn(2.0F, static_cast<float>(dot)),
                                   __fmul_rn(static_cast<float>(offset), sum)));
}

/// Rows that a team has in hand, and their scores.
template <unsigned count>
using RowStarts = const unsigned char* [count];
template <unsigned count>
using RowScores = float[count];

/// level_product() of each row, the same in all lanes of a team.
template <class Codes, unsigned count>
__device__ void dot_levels(const QueryAtHand& query, const RowStarts<count>& rows,
                           unsigned padded_dim, unsigned member, unsigned team,
                           RowScores<count>& products) {
  const auto* steps = reinterpret_cast<const uint4*>(query.values);
  const unsigned chunks = padded_dim / Codes::chunk_codes;
  unsigned headers[count];
  int sums[count];
#pragma unroll
  for (unsigned r = 0; r < count; ++r) {
    headers[r] = *reinterpret_cast<const unsigned*>(rows[r] + code_header_at);
    sums[r] = 0;
  }
  for (unsigned i = member; i < chunks; i += team) {
    uint4 codes[count];
#pragma unroll
    for (unsigned r = 0; r < count; ++r)
      codes[r] = reinterpret_cast<const uint4*>(rows[r] + code_begin)[i];
#pragma unroll
    for (unsigned r = 0; r < count; ++r)
      sums[r] = Codes::dot(codes[r], steps + i * (Codes::chunk_codes / 8), sums[r]);
  }
#pragma unroll
  for (unsigned r = 0; r < count; ++r)
    products[r] = level_product(headers[r], team_sum(sums[r], team), query.sum);
}

__device__ inline float code_score(const QueryAtHand& query, const unsigned char* row, float dot) {
  const float bias = *reinterpret_cast<const float*>(row + code_header_at + 4);
  return __fadd_rn(__fadd_rn(query.constant, bias), __fmul_rn(query.scale, dot));
}

/// Where rows lie, `pitch` bytes apart.
template <unsigned count>
__device__ void row_starts(const unsigned char* data, std::size_t pitch,
                           const std::uint32_t (&slots)[count], RowStarts<count>& rows) {
#pragma unroll
  for (unsigned r = 0; r < count; ++r) rows[r] = data + slots[r] * pitch;
}

template <class Codes>
struct CodeRows {
  template <unsigned count>
  __device__ static void scores(const QueryAtHand& query, const RowsView& rows,
                                const std::uint32_t (&slots)[count], unsigned member,
                                RowScores<count>& to) {
    RowStarts<count> starts;
    row_starts(rows.data, rows.pitch, slots, starts);
    dot_levels<Codes>(query, starts, rows.padded_dim, member, rows.team, to);
#pragma unroll
    for (unsigned r = 0; r < count; ++r) to[r] = code_score(query, starts[r], to[r]);
  }
};

template <class First, class Second>
struct LevelRows {
  template <unsigned count>
  __device__ static void scores(const QueryAtHand& query, const RowsView& rows,
                                const std::uint32_t (&slots)[count], unsigned member,
                                RowScores<count>& to) {
    RowStarts<count> starts;
    RowScores<count> first;
    row_starts(rows.base, rows.base_pitch, slots, starts);
    dot_levels<First>(query, starts, rows.padded_dim, member, rows.team, first);
    row_starts(rows.data, rows.pitch, slots, starts);
    dot_levels<Second>(query, starts, rows.padded_dim, member, rows.team, to);
#pragma unroll
    for (unsigned r = 0; r < count; ++r)
      to[r] = code_score(query, starts[r], __fadd_rn(first[r], to[r]));
  }
};

struct NegativeDot {
  __device__ static float fold(float q, float x, float sum) { return sum + q * x; }
  __device__ static float finish(float sum) { return -sum; }
};
struct SquaredL2 {
  __device__ static float fold(float q, float x, float sum) { return sum + (q - x) * (q - x); }
  __device__ static float finish(float sum) { return sum; }
};

/// How the values of a row of floats are read, as bits of float32: d .. d + 3, in two steps where
/// the first is ahead of the second; or piece i of the row, 16 bytes with lane_dims values, in
/// parts of four.
struct F32Values {
  static constexpr unsigned lane_dims = 4;
  using Packed = uint4;
  __device__ static Packed fetch(const unsigned char* row, unsigned d) {
    return *reinterpret_cast<const uint4*>(row + d * sizeof(float));
  }
  __device__ static uint4 unpack(const Packed& values) { return values; }
  __device__ static uint4 load(const unsigned char* row, unsigned d) { return fetch(row, d); }
  using Piece = uint4;
  __device__ static Piece piece(const unsigned char* row, unsigned i) {
    return reinterpret_cast<const uint4*>(row)[i];
  }
  __device__ static uint4 part(const Piece& piece, unsigned) { return piece; }
};

struct F16Values {
  static constexpr unsigned lane_dims = 8;
  __device__ static uint4 widen(unsigned first, unsigned second) {
    return {__float_as_uint(half_value(first & 0xFFFFU)), __float_as_uint(half_value(first >> 16U)),
            __float_as_uint(half_value(second & 0xFFFFU)),
            __float_as_uint(half_value(second >> 16U))};
  }
  using Packed = uint2;
  __device__ static Packed fetch(const unsigned char* row, unsigned d) {
    return *reinterpret_cast<const uint2*>(row + d * 2);
  }
  __device__ static uint4 unpack(const Packed& halves) { return widen(halves.x, halves.y); }
  __device__ static uint4 load(const unsigned char* row, unsigned d) {
    return unpack(fetch(row, d));
  }
  using Piece = uint4;
  __device__ static Piece piece(const unsigned char* row, unsigned i) {
    return reinterpret_cast<const uint4*>(row)[i];
  }
  __device__ static uint4 part(const Piece& piece, unsigned p) {
    return p == 0 ? widen(piece.x, piece.y) : widen(piece.z, piece.w);
  }
};

template <class Values, class Op>
struct FloatRows {
  template <unsigned count>
  __device__ static void scores(const QueryAtHand& query, const RowsView& rows,
                                const std::uint32_t (&slots)[count], unsigned member,
                                RowScores<count>& to) {
    constexpr unsigned parts = Values::lane_dims / 4;
    const auto* values = reinterpret_cast<const uint4*>(query.values);
    RowStarts<count> starts;
    row_starts(rows.data, rows.pitch, slots, starts);
    float even[count] = {};
    float odd[count] = {};
    for (unsigned i = member; i < rows.padded_dim / Values::lane_dims; i += rows.team) {
      typename Values::Piece pieces[count];
#pragma unroll
      for (unsigned r = 0; r < count; ++r) pieces[r] = Values::piece(starts[r], i);
#pragma unroll
      for (unsigned p = 0; p < parts; ++p) {
        const uint4 q = values[parts * i + p];
#pragma unroll
        for (unsigned r = 0; r < count; ++r) {
          const uint4 x = Values::part(pieces[r], p);
          even[r] = Op::fold(__uint_as_float(q.x), __uint_as_float(x.x), even[r]);
          odd[r] = Op::fold(__uint_as_float(q.y), __uint_as_float(x.y), odd[r]);
          even[r] = Op::fold(__uint_as_float(q.z), __uint_as_float(x.z), even[r]);
          odd[r] = Op::fold(__uint_as_float(q.w), __uint_as_float(x.w), odd[r]);
        }
      }
    }
#pragma unroll
    for (unsigned r = 0; r < count; ++r) to[r] = Op::finish(team_sum(even[r] + odd[r], rows.team));
  }
};

template <class Op>
using F32Rows = FloatRows<F32Values, Op>;
template <class Op>
using F16Rows = FloatRows<F16Values, Op>;

/// Calls use(kind of rows) for the rows that type and op name.
template <class Use>
void with_rows(kernels::RowType type, kernels::Op op, Use use) {
  using kernels::RowType;
  const bool l2 = op == kernels::Op::l2;
  switch (type) {
    case RowType::f32:
      return l2 ? use(F32Rows<SquaredL2>{}) : use(F32Rows<NegativeDot>{});
    case RowType::f16:
      return l2 ? use(F16Rows<SquaredL2>{}) : use(F16Rows<NegativeDot>{});
    case RowType::lvq8:
      return use(CodeRows<Bytes>{});
    case RowType::lvq4:
      return use(CodeRows<Nibbles>{});
    case RowType::lvq4x4:
      return use(LevelRows<Nibbles, Nibbles>{});
    case RowType::lvq4x8:
      return use(LevelRows<Nibbles, Bytes>{});
    case RowType::lvq8x8:
      return use(LevelRows<Bytes, Bytes>{});
  }
}

/// Brings a query to shared memory; `count` threads take part, this one being number `member`, and
/// must be synchronized before it is read.
__device__ inline QueryAtHand load_query(const QueriesView& queries, std::size_t query,
                                         unsigned char* to, unsigned member, unsigned count) {
  const auto* from = reinterpret_cast<const uint4*>(queries.values + query * queries.query_bytes);
  for (unsigned i = member; i < queries.query_bytes / 16; i += count)
    reinterpret_cast<uint4*>(to)[i] = from[i];
  QueryAtHand at_hand{to, 0, 0, 0};
  if (queries.scales != nullptr) {
    at_hand.scale = queries.scales[3 * query];
    at_hand.sum = queries.scales[3 * query + 1];
    at_hand.constant = queries.scales[3 * query + 2];
  }
  return at_hand;
}

/// Scores of slots first .. first + each * teams - 1 of `count`, by `each` rows in the hands of
/// every team.
template <class Rows, unsigned each>
__device__ void score_some(const QueryAtHand& query, const RowsView& rows,
                           const std::uint32_t* slots, unsigned first, unsigned count,
                           float* scores, unsigned lane) {
  const unsigned member = lane % rows.team;
  const unsigned teams = warp_size / rows.team;
  const unsigned mine = first + lane / rows.team;
  std::uint32_t listed[each];
#pragma unroll
  for (unsigned r = 0; r < each; ++r) {
    const unsigned i = mine + r * teams;
    listed[r] = slots[i < count ? i : count - 1];
  }
  RowScores<each> found;
  Rows::scores(query, rows, listed, member, found);
#pragma unroll
  for (unsigned r = 0; r < each; ++r)
    if (member == 0 && mine + r * teams < count) scores[mine + r * teams] = found[r];
}

/// Scores of `count` <= 32 slots (in shared memory) into as many places; all lanes of the warp.
template <class Rows>
__device__ void score_slots(const QueryAtHand& query, const RowsView& rows,
                            const std::uint32_t* slots, unsigned count, float* scores,
                            unsigned lane) {
  const unsigned teams = warp_size / rows.team;
  unsigned first = 0;
  for (; first + 2 * teams < count; first += 4 * teams)
    score_some<Rows, 4>(query, rows, slots, first, count, scores, lane);
  if (first + teams < count)
    score_some<Rows, 2>(query, rows, slots, first, count, scores, lane);
  else if (first < count)
    score_some<Rows, 1>(query, rows, slots, first, count, scores, lane);
}

}  // namespace vecinal::cuda
