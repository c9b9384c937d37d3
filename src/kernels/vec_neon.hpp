/// Four lanes: NEON on AArch64, where half conversions are part of the base set.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

struct F32 {
  static constexpr std::size_t width = 4;
  static constexpr std::size_t registers = 32;
  float32x4_t v;
};

inline F32 zero() { return {vdupq_n_f32(0.0F)}; }
inline F32 load(const float* p) { return {vld1q_f32(p)}; }
inline F32 broadcast(const float* p) { return {vld1q_dup_f32(p)}; }
inline void store(float* p, F32 a) { vst1q_f32(p, a.v); }
inline F32 add(F32 a, F32 b) { return {vaddq_f32(a.v, b.v)}; }
inline F32 sub(F32 a, F32 b) { return {vsubq_f32(a.v, b.v)}; }
inline F32 mul(F32 a, F32 b) { return {vmulq_f32(a.v, b.v)}; }
inline F32 div(F32 a, F32 b) { return {vdivq_f32(a.v, b.v)}; }
inline F32 fma(F32 a, F32 b, F32 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
inline float least_lane(F32 a) { return vminvq_f32(a.v); }
inline F32 least(F32 a, F32 b) { return {vminq_f32(a.v, b.v)}; }
inline F32 greatest(F32 a, F32 b) { return {vmaxq_f32(a.v, b.v)}; }
inline float sum(F32 a) { return vaddvq_f32(a.v); }

/// Butterflies among the lanes of a register, nearest first.
inline F32 hadamard_lanes(F32 a) {
  const float32x4_t odd = {1, -1, 1, -1};
  const float32x4_t upper = {1, 1, -1, -1};
  a.v = vaddq_f32(vrev64q_f32(a.v), vmulq_f32(a.v, odd));
  return {vaddq_f32(vextq_f32(a.v, a.v, 2), vmulq_f32(a.v, upper))};
}

inline std::uint32_t less_equal(F32 a, F32 b) {
  const uint32x4_t bits = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(vcleq_f32(a.v, b.v), bits));
}

/// x where a <= b, else y.
inline F32 where_at_most(F32 a, F32 b, F32 x, F32 y) {
  return {vbslq_f32(vcleq_f32(a.v, b.v), x.v, y.v)};
}

/// For each set of lanes the bytes of its lanes, in order.
struct Packings {
  std::uint8_t bytes[16][16];
};
constexpr Packings make_packings() {
  Packings all{};
  for (unsigned which = 0; which < 16; ++which) {
    unsigned count = 0;
    for (unsigned lane = 0; lane < 4; ++lane)
      if (((which >> lane) & 1U) != 0)
        for (unsigned b = 0; b < 4; ++b)
          all.bytes[which][count++] = static_cast<std::uint8_t>(4 * lane + b);
  }
  return all;
}
constexpr Packings packings = make_packings();

/// The lanes whose bit is set, moved together; behind them is anything.
inline F32 pack(F32 a, std::uint32_t which) {
  const uint8x16_t bytes = vld1q_u8(packings.bytes[which]);
  return {vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(a.v), bytes))};
}
/// Integers, whose bits alone are moved.
inline F32 load_words(const std::uint32_t* p) { return {vreinterpretq_f32_u32(vld1q_u32(p))}; }
inline void store_words(std::uint32_t* p, F32 a) { vst1q_u32(p, vreinterpretq_u32_f32(a.v)); }

inline F32 load_half(const std::uint16_t* p) {
  return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)))};
}
inline void store_half(std::uint16_t* p, F32 a) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(a.v)));
}

/// Sums of products of codes and query steps.
struct I32 {
  int32x4_t v;
};
inline I32 zero_i32() { return {vdupq_n_s32(0)}; }
inline I32 add(I32 a, I32 b) { return {vaddq_s32(a.v, b.v)}; }
inline std::int32_t sum(I32 a) { return vaddvq_s32(a.v); }

inline void sum_four(I32 a, I32 b, I32 c, I32 d, std::int32_t (&to)[4]) {
  vst1q_s32(to, vpaddq_s32(vpaddq_s32(a.v, b.v), vpaddq_s32(c.v, d.v)));
}

/// 64-bit integers.
struct I64 {
  static constexpr std::size_t width = 2;
  int64x2_t v;
};
inline I64 zero_i64() { return {vdupq_n_s64(0)}; }
inline I64 load_i64(const std::int64_t* p) { return {vld1q_s64(p)}; }
inline void store(std::int64_t* p, I64 a) { vst1q_s64(p, a.v); }
inline I64 broadcast_i64(std::int64_t a) { return {vdupq_n_s64(a)}; }
inline I64 least(I64 a, I64 b) { return {vbslq_s64(vcltq_s64(a.v, b.v), a.v, b.v)}; }
inline I64 greatest(I64 a, I64 b) { return {vbslq_s64(vcltq_s64(a.v, b.v), b.v, a.v)}; }
/// The last lane of a, then all of b but the last.
inline I64 moved_up(I64 a, I64 b) { return {vextq_s64(a.v, b.v, 1)}; }
/// count, and one more in each lane where a < b.
inline I64 count_less(I64 a, I64 b, I64 count) {
  return {vsubq_s64(count.v, vreinterpretq_s64_u64(vcltq_s64(a.v, b.v)))};
}
inline std::size_t sum(I64 a) { return static_cast<std::size_t>(vaddvq_s64(a.v)); }

inline I32 dot_eight(uint16x8_t codes, const std::int16_t* q, I32 acc) {
  const int16x8_t steps = vld1q_s16(q);
  const int16x8_t c = vreinterpretq_s16_u16(codes);
  return {vmlal_high_s16(vmlal_s16(acc.v, vget_low_s16(c), vget_low_s16(steps)), c, steps)};
}
inline I32 dot_sixteen(uint8x16_t codes, const std::int16_t* q, I32 acc) {
  acc = dot_eight(vmovl_u8(vget_low_u8(codes)), q, acc);
  return dot_eight(vmovl_high_u8(codes), q + 8, acc);
}

/// acc + products of 32 one-byte codes and 32 steps.
inline I32 dot_bytes(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  return dot_sixteen(vld1q_u8(c + 16), q + 16, dot_sixteen(vld1q_u8(c), q, acc));
}

/// acc + products of a block of 32 4-bit codes and 32 steps.
inline I32 dot_nibbles(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  const uint8x16_t both = vld1q_u8(c);
  acc = dot_sixteen(vandq_u8(both, vdupq_n_u8(15)), q, acc);
  return dot_sixteen(vshrq_n_u8(both, 4), q + 16, acc);
}

/// Pairs of 16-bit integers, one pair a lane.
struct I16 {
  int16x8_t v;
};
inline I16 load_pairs(const std::int16_t* p) { return {vld1q_s16(p)}; }
inline I16 broadcast_pair(const std::int16_t* p) {
  std::int32_t both;
  std::memcpy(&both, p, sizeof both);
  return {vreinterpretq_s16_s32(vdupq_n_s32(both))};
}
inline I32 dot_pairs(I16 a, I16 b, I32 acc) {
  const int32x4_t low = vmull_s16(vget_low_s16(a.v), vget_low_s16(b.v));
  return {vaddq_s32(acc.v, vpaddq_s32(low, vmull_high_s16(a.v, b.v)))};
}
inline I32 load_i32(const std::int32_t* p) { return {vld1q_s32(p)}; }
inline void store(std::int32_t* p, I32 a) { vst1q_s32(p, a.v); }
/// a with `bit` set where b is above zero.
inline I32 set_where_positive(I32 a, I32 b, std::int32_t bit) {
  const int32x4_t positive = vreinterpretq_s32_u32(vcgtq_s32(b.v, vdupq_n_s32(0)));
  return {vorrq_s32(a.v, vandq_s32(positive, vdupq_n_s32(bit)))};
}
/// The lanes that are `most` or less from zero.
inline std::uint32_t near_zero(I32 a, std::int32_t most) {
  const uint32x4_t bits = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(vcleq_s32(vabsq_s32(a.v), vdupq_n_s32(most)), bits));
}
/// Rounds both to pairs of 16-bit integers.
inline void store_pairs(std::int16_t* p, F32 first, F32 second) {
  vst2_s16(p, {{vmovn_s32(vcvtnq_s32_f32(first.v)), vmovn_s32(vcvtnq_s32_f32(second.v))}});
}
inline F32 to_floats(I32 a) { return {vcvtq_f32_s32(a.v)}; }

inline void prefetch(const void* p) { __builtin_prefetch(p); }

inline F32 load_counts(const std::uint16_t* p) { return {vcvtq_f32_u32(vmovl_u16(vld1_u16(p)))}; }
inline F32 load_counts(const std::uint8_t* p) {
  std::uint32_t four;
  std::memcpy(&four, p, sizeof four);
  const uint16x8_t counts = vmovl_u8(vcreate_u8(four));
  return {vcvtq_f32_u32(vmovl_u16(vget_low_u16(counts)))};
}

/// Entry c = (the sum of the steps' magnitudes whose signs column c agrees with) / 256, rounded;
/// columns: 16 signs for each of the four steps.
inline void sign_entries(const std::int16_t* steps, const std::int16_t* columns, std::uint8_t* to) {
  int16x8_t low = vdupq_n_s16(128);
  int16x8_t high = low;
  for (std::size_t b = 0; b < 4; ++b) {
    const int16x8_t step = vdupq_n_s16(steps[b]);
    const int16x8_t none = vdupq_n_s16(0);
    low = vaddq_s16(low, vmaxq_s16(none, vmulq_s16(step, vld1q_s16(columns + 16 * b))));
    high = vaddq_s16(high, vmaxq_s16(none, vmulq_s16(step, vld1q_s16(columns + 16 * b + 8))));
  }
  vst1_u8(to, vshrn_n_u16(vreinterpretq_u16_s16(low), 8));
  vst1_u8(to + 8, vshrn_n_u16(vreinterpretq_u16_s16(high), 8));
}

/// Sums of the table entries that 32 vectors select (kernels.hpp, SignBlock).
inline void scan_signs(const std::uint8_t* signs, const std::uint8_t* table, std::size_t dims,
                       const std::byte* ahead, std::uint16_t* sums) {
  const uint8x16_t half = vdupq_n_u8(15);
  uint16x8_t even[2] = {vdupq_n_u16(0), vdupq_n_u16(0)};
  uint16x8_t odd[2] = {vdupq_n_u16(0), vdupq_n_u16(0)};
  for (std::size_t left = 4 * dims; left != 0; signs += 64, table += 64, ahead += 64) {
    const std::size_t taken = left < 64 ? left : 64;
    left -= taken;
    prefetch(ahead);
    uint8x16_t bytes[2] = {vdupq_n_u8(0), vdupq_n_u8(0)};
#pragma GCC unroll 4
    for (std::size_t i = 0; i < taken; i += 16) {
      const uint8x16_t pairs = vld1q_u8(signs + i);
      const uint8x16_t entries = vld1q_u8(table + i);
      bytes[0] = vaddq_u8(bytes[0], vqtbl1q_u8(entries, vandq_u8(pairs, half)));
      bytes[1] = vaddq_u8(bytes[1], vqtbl1q_u8(entries, vshrq_n_u8(pairs, 4)));
    }
    for (std::size_t h = 0; h < 2; ++h) {
      const uint16x8_t both = vreinterpretq_u16_u8(bytes[h]);
      even[h] = vaddq_u16(even[h], vandq_u16(both, vdupq_n_u16(255)));
      odd[h] = vsraq_n_u16(odd[h], both, 8);
    }
  }
  for (std::size_t h = 0; h < 2; ++h) {
    vst1q_u16(sums + 16 * h, even[h]);
    vst1q_u16(sums + 16 * h + 8, odd[h]);
  }
}

/// Eight rows of eight values that become columns.
inline void transpose_eight(const float* from, std::size_t from_stride, float* to,
                            std::size_t to_stride) {
  for (std::size_t r = 0; r < 8; r += 4)
    for (std::size_t c = 0; c < 8; c += 4) {
      float32x4_t rows[4];
      for (std::size_t i = 0; i < 4; ++i) rows[i] = vld1q_f32(from + (r + i) * from_stride + c);
      const float32x4x2_t upper = vtrnq_f32(rows[0], rows[1]);
      const float32x4x2_t lower = vtrnq_f32(rows[2], rows[3]);
      for (std::size_t i = 0; i < 2; ++i) {
        float* column = to + (c + i) * to_stride + r;
        const float64x2_t a = vreinterpretq_f64_f32(upper.val[i]);
        const float64x2_t b = vreinterpretq_f64_f32(lower.val[i]);
        vst1q_f32(column, vreinterpretq_f32_f64(vtrn1q_f64(a, b)));
        vst1q_f32(column + 2 * to_stride, vreinterpretq_f32_f64(vtrn2q_f64(a, b)));
      }
    }
}

}  // namespace
