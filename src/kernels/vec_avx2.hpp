/// Eight lanes: AVX2, FMA, F16C.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/vec_x86.hpp"

namespace {

struct F32 {
  static constexpr std::size_t width = 8;
  static constexpr std::size_t registers = 16;
  __m256 v;
};

inline F32 zero() { return {_mm256_setzero_ps()}; }
inline F32 load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline F32 broadcast(const float* p) { return {_mm256_broadcast_ss(p)}; }
inline void store(float* p, F32 a) { _mm256_storeu_ps(p, a.v); }
inline F32 add(F32 a, F32 b) { return {_mm256_add_ps(a.v, b.v)}; }
inline F32 sub(F32 a, F32 b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline F32 mul(F32 a, F32 b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline F32 div(F32 a, F32 b) { return {_mm256_div_ps(a.v, b.v)}; }
inline F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }

inline float least_lane(F32 a) {
  __m128 x = _mm_min_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_min_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_min_ss(x, _mm_movehdup_ps(x)));
}
inline F32 least(F32 a, F32 b) { return {_mm256_min_ps(a.v, b.v)}; }
inline F32 greatest(F32 a, F32 b) { return {_mm256_max_ps(a.v, b.v)}; }
inline float sum(F32 a) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}

/// Butterflies among the lanes of a register, nearest first: lane i becomes a[i] + a[i + half], or
/// a[i - half] - a[i] where bit `half` of i is set.
inline F32 hadamard_lanes(F32 a) {
  const auto stage = [](__m256 x, __m256 swapped, __m256 signs) {
    return _mm256_add_ps(swapped, _mm256_xor_ps(x, signs));
  };
  constexpr float m = -0.0F;
  a.v = stage(a.v, _mm256_permute_ps(a.v, 0xB1), _mm256_setr_ps(0, m, 0, m, 0, m, 0, m));
  a.v = stage(a.v, _mm256_permute_ps(a.v, 0x4E), _mm256_setr_ps(0, 0, m, m, 0, 0, m, m));
  return {stage(a.v, _mm256_permute2f128_ps(a.v, a.v, 1), _mm256_setr_ps(0, 0, 0, 0, m, m, m, m))};
}

inline std::uint32_t less_equal(F32 a, F32 b) {
  return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)));
}

/// x where a <= b, else y.
inline F32 where_at_most(F32 a, F32 b, F32 x, F32 y) {
  return {_mm256_blendv_ps(y.v, x.v, _mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ))};
}

/// For each set of lanes their numbers, in order.
struct Packings {
  std::int8_t lanes[256][8];
};
constexpr Packings make_packings() {
  Packings all{};
  for (unsigned which = 0; which < 256; ++which) {
    unsigned count = 0;
    for (std::int8_t lane = 0; lane < 8; ++lane)
      if (((which >> static_cast<unsigned>(lane)) & 1U) != 0) all.lanes[which][count++] = lane;
  }
  return all;
}
constexpr Packings packings = make_packings();

/// The lanes whose bit is set, moved together; behind them is anything.
inline F32 pack(F32 a, std::uint32_t which) {
  const __m256i lanes = _mm256_cvtepi8_epi32(
      _mm_loadl_epi64(reinterpret_cast<const __m128i*>(packings.lanes[which])));
  return {_mm256_permutevar8x32_ps(a.v, lanes)};
}
/// Integers, whose bits alone are moved.
inline F32 load_words(const std::uint32_t* p) {
  return {_mm256_castsi256_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
inline void store_words(std::uint32_t* p, F32 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_castps_si256(a.v));
}

inline F32 load_half(const std::uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline void store_half(std::uint16_t* p, F32 a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT));
}

/// Sums of products of codes and query steps.
struct I32 {
  __m256i v;
};
inline I32 zero_i32() { return {_mm256_setzero_si256()}; }
inline I32 add(I32 a, I32 b) { return {_mm256_add_epi32(a.v, b.v)}; }
inline std::int32_t sum(I32 a) {
  __m128i x = _mm_add_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
  x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 0xB1)));
}

inline void sum_four(I32 a, I32 b, I32 c, I32 d, std::int32_t (&to)[4]) {
  const __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(a.v, b.v), _mm256_hadd_epi32(c.v, d.v));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)));
}

/// 64-bit integers.
struct I64 {
  static constexpr std::size_t width = 4;
  __m256i v;
};
inline I64 zero_i64() { return {_mm256_setzero_si256()}; }
inline I64 load_i64(const std::int64_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
inline void store(std::int64_t* p, I64 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v);
}
inline I64 broadcast_i64(std::int64_t a) { return {_mm256_set1_epi64x(a)}; }
inline I64 least(I64 a, I64 b) {
  return {_mm256_blendv_epi8(a.v, b.v, _mm256_cmpgt_epi64(a.v, b.v))};
}
inline I64 greatest(I64 a, I64 b) {
  return {_mm256_blendv_epi8(b.v, a.v, _mm256_cmpgt_epi64(a.v, b.v))};
}
/// The last lane of a, then all of b but the last.
inline I64 moved_up(I64 a, I64 b) {
  return {_mm256_alignr_epi8(b.v, _mm256_permute2x128_si256(a.v, b.v, 0x21), 8)};
}
/// count, and one more in each lane where a < b.
inline I64 count_less(I64 a, I64 b, I64 count) {
  return {_mm256_sub_epi64(count.v, _mm256_cmpgt_epi64(b.v, a.v))};
}
inline std::size_t sum(I64 a) {
  const __m128i x = _mm_add_epi64(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
  return static_cast<std::size_t>(_mm_cvtsi128_si64(_mm_add_epi64(x, _mm_unpackhi_epi64(x, x))));
}

inline __m256i load_steps(const std::int16_t* q) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q));
}
inline __m256i widen_bytes(const std::uint8_t* c) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(c)));
}

/// acc + products of 32 one-byte codes and 32 steps.
inline I32 dot_bytes(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  acc = add(acc, {_mm256_madd_epi16(widen_bytes(c), load_steps(q))});
  return add(acc, {_mm256_madd_epi16(widen_bytes(c + 16), load_steps(q + 16))});
}

/// acc + products of a block of 32 4-bit codes and 32 steps.
inline I32 dot_nibbles(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  const __m256i both = widen_bytes(c);
  const __m256i low = _mm256_and_si256(both, _mm256_set1_epi16(15));
  acc = add(acc, {_mm256_madd_epi16(low, load_steps(q))});
  return add(acc, {_mm256_madd_epi16(_mm256_srli_epi16(both, 4), load_steps(q + 16))});
}

inline std::int32_t load_int(const std::int16_t* p) {
  std::int32_t both;
  std::memcpy(&both, p, sizeof both);
  return both;
}

/// Pairs of 16-bit integers, one pair a lane.
struct I16 {
  __m256i v;
};
inline I16 load_pairs(const std::int16_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
inline I16 broadcast_pair(const std::int16_t* p) { return {_mm256_set1_epi32(load_int(p))}; }
inline I32 dot_pairs(I16 a, I16 b, I32 acc) {
  acc = add(acc, {_mm256_madd_epi16(a.v, b.v)});
  asm("" : "+x"(acc.v));  // GCC 12 otherwise takes all products first and spills sums
  return acc;
}
inline I32 load_i32(const std::int32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
inline void store(std::int32_t* p, I32 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v);
}
/// a with `bit` set where b is above zero.
inline I32 set_where_positive(I32 a, I32 b, std::int32_t bit) {
  const __m256i positive = _mm256_cmpgt_epi32(b.v, _mm256_setzero_si256());
  return {_mm256_or_si256(a.v, _mm256_and_si256(positive, _mm256_set1_epi32(bit)))};
}
/// The lanes that are `most` or less from zero.
inline std::uint32_t near_zero(I32 a, std::int32_t most) {
  const __m256i far = _mm256_cmpgt_epi32(_mm256_abs_epi32(a.v), _mm256_set1_epi32(most));
  return static_cast<std::uint32_t>(~_mm256_movemask_ps(_mm256_castsi256_ps(far))) & 0xFFU;
}
/// Rounds both to pairs of 16-bit integers.
inline void store_pairs(std::int16_t* p, F32 first, F32 second) {
  const __m256i upper = _mm256_slli_epi32(_mm256_cvtps_epi32(second.v), 16);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm256_blend_epi16(_mm256_cvtps_epi32(first.v), upper, 0xAA));
}
inline F32 to_floats(I32 a) { return {_mm256_cvtepi32_ps(a.v)}; }

inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }

inline F32 load_counts(const std::uint16_t* p) {
  const __m128i counts = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(counts))};
}
inline F32 load_counts(const std::uint8_t* p) {
  const __m128i counts = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(counts))};
}

inline __m256i load_bytes(const std::uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

/// Sixteen of them, and zeros.
inline __m256i load_half_bytes(const std::uint8_t* p) {
  return _mm256_zextsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

/// Both halves of a sum over bytes, even and odd vectors apart, where odd ones are also in `both`.
inline void store_counts(__m256i both, __m256i odd, std::uint16_t* to) {
  const __m256i even = _mm256_sub_epi16(both, _mm256_slli_epi16(odd, 8));
  const auto fold = [](__m256i a) {
    return _mm_add_epi16(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  };
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), fold(even));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 8), fold(odd));
}

/// Sums of the table entries that 32 vectors select (kernels.hpp, SignBlock).
inline void scan_signs(const std::uint8_t* signs, const std::uint8_t* table, std::size_t dims,
                       const std::byte* ahead, std::uint16_t* sums) {
  const __m256i half = _mm256_set1_epi8(15);
  __m256i low = _mm256_setzero_si256();
  __m256i low_odd = low;
  __m256i high = low;
  __m256i high_odd = low;
  __m256i low_bytes = low;
  __m256i high_bytes = low;
  const auto select = [&](__m256i pairs, __m256i entries) {
    low_bytes =
        _mm256_add_epi8(low_bytes, _mm256_shuffle_epi8(entries, _mm256_and_si256(pairs, half)));
    high_bytes = _mm256_add_epi8(
        high_bytes,
        _mm256_shuffle_epi8(entries, _mm256_and_si256(_mm256_srli_epi16(pairs, 4), half)));
  };
  const auto widen = [&] {
    low = _mm256_add_epi16(low, low_bytes);
    low_odd = _mm256_add_epi16(low_odd, _mm256_srli_epi16(low_bytes, 8));
    high = _mm256_add_epi16(high, high_bytes);
    high_odd = _mm256_add_epi16(high_odd, _mm256_srli_epi16(high_bytes, 8));
    low_bytes = _mm256_setzero_si256();
    high_bytes = low_bytes;
  };
  std::size_t bytes = 4 * dims;
  for (; bytes >= 128; bytes -= 128, signs += 128, table += 128, ahead += 128) {
    prefetch(ahead);
    prefetch(ahead + 64);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 128; i += 32) select(load_bytes(signs + i), load_bytes(table + i));
    widen();
  }
  if (bytes != 0) {
    prefetch(ahead);
    prefetch(ahead + 64);
    for (; bytes >= 32; bytes -= 32, signs += 32, table += 32)
      select(load_bytes(signs), load_bytes(table));
    if (bytes != 0) select(load_half_bytes(signs), load_half_bytes(table));
    widen();
  }
  store_counts(low, low_odd, sums);
  store_counts(high, high_odd, sums + 16);
}

}  // namespace
