/// Sixteen lanes: AVX-512 F, BW, DQ, VL, and VNNI where it is compiled for that.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/vec_x86.hpp"

namespace {

struct F32 {
  static constexpr std::size_t width = 16;
  static constexpr std::size_t registers = 32;
  __m512 v;
};

inline F32 zero() { return {_mm512_setzero_ps()}; }
inline F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline F32 broadcast(const float* p) { return {_mm512_set1_ps(*p)}; }
inline void store(float* p, F32 a) { _mm512_storeu_ps(p, a.v); }
inline F32 add(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline F32 sub(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline F32 mul(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline F32 div(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }
inline F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline float least_lane(F32 a) { return _mm512_reduce_min_ps(a.v); }
inline F32 least(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }
inline F32 greatest(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }
inline float sum(F32 a) { return _mm512_reduce_add_ps(a.v); }
/// Butterflies among the lanes of a register, nearest first: lane i becomes a[i] + a[i + half], or
/// a[i - half] - a[i] where bit `half` of i is set.
inline F32 hadamard_lanes(F32 a) {
  const auto stage = [](__m512 x, __m512 swapped, __mmask16 negated) {
    return _mm512_mask_sub_ps(_mm512_add_ps(swapped, x), negated, swapped, x);
  };
  a.v = stage(a.v, _mm512_permute_ps(a.v, 0xB1), 0xAAAA);
  a.v = stage(a.v, _mm512_permute_ps(a.v, 0x4E), 0xCCCC);
  a.v = stage(a.v, _mm512_shuffle_f32x4(a.v, a.v, 0xB1), 0xF0F0);
  return {stage(a.v, _mm512_shuffle_f32x4(a.v, a.v, 0x4E), 0xFF00)};
}

inline std::uint32_t less_equal(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ); }

/// x where a <= b, else y.
inline F32 where_at_most(F32 a, F32 b, F32 x, F32 y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ), y.v, x.v)};
}

/// The lanes whose bit is set, moved together; behind them is anything.
inline F32 pack(F32 a, std::uint32_t which) {
  return {_mm512_maskz_compress_ps(static_cast<__mmask16>(which), a.v)};
}
/// Integers, whose bits alone are moved.
inline F32 load_words(const std::uint32_t* p) {
  return {_mm512_castsi512_ps(_mm512_loadu_si512(p))};
}
inline void store_words(std::uint32_t* p, F32 a) {
  _mm512_storeu_si512(p, _mm512_castps_si512(a.v));
}

inline F32 load_half(const std::uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
inline void store_half(std::uint16_t* p, F32 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT));
}

/// Sums of products of codes and query steps.
struct I32 {
  __m512i v;
};
inline I32 zero_i32() { return {_mm512_setzero_si512()}; }
inline I32 add(I32 a, I32 b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline std::int32_t sum(I32 a) { return _mm512_reduce_add_epi32(a.v); }

inline void sum_four(I32 a, I32 b, I32 c, I32 d, std::int32_t (&to)[4]) {
  const auto fold = [](__m512i low, __m512i high) { return _mm512_add_epi32(low, high); };
  const __m512i ab = fold(_mm512_unpacklo_epi32(a.v, b.v), _mm512_unpackhi_epi32(a.v, b.v));
  const __m512i cd = fold(_mm512_unpacklo_epi32(c.v, d.v), _mm512_unpackhi_epi32(c.v, d.v));
  const __m512i all = fold(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half =
      _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)));
}

/// 64-bit integers.
struct I64 {
  static constexpr std::size_t width = 8;
  __m512i v;
};
inline I64 zero_i64() { return {_mm512_setzero_si512()}; }
inline I64 load_i64(const std::int64_t* p) { return {_mm512_loadu_si512(p)}; }
inline void store(std::int64_t* p, I64 a) { _mm512_storeu_si512(p, a.v); }
inline I64 broadcast_i64(std::int64_t a) { return {_mm512_set1_epi64(a)}; }
inline I64 least(I64 a, I64 b) { return {_mm512_min_epi64(a.v, b.v)}; }
inline I64 greatest(I64 a, I64 b) { return {_mm512_max_epi64(a.v, b.v)}; }
/// The last lane of a, then all of b but the last.
inline I64 moved_up(I64 a, I64 b) { return {_mm512_alignr_epi64(b.v, a.v, 7)}; }
/// count, and one more in each lane where a < b.
inline I64 count_less(I64 a, I64 b, I64 count) {
  const __mmask8 less = _mm512_cmplt_epi64_mask(a.v, b.v);
  return {_mm512_mask_add_epi64(count.v, less, count.v, _mm512_set1_epi64(1))};
}
inline std::size_t sum(I64 a) { return static_cast<std::size_t>(_mm512_reduce_add_epi64(a.v)); }

/// acc + products of 32 pairs of 16-bit integers, two by two.
inline I32 add_products(I32 acc, __m512i a, __m512i b) {
#if defined(VECINAL_ISA_avx512_vnni)
  return {_mm512_dpwssd_epi32(acc.v, a, b)};
#else
  return add(acc, {_mm512_madd_epi16(a, b)});
#endif
}

/// acc + products of 32 one-byte codes and 32 steps.
inline I32 dot_bytes(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  const __m512i codes =
      _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(c)));
  return add_products(acc, codes, _mm512_loadu_si512(q));
}

/// acc + products of a block of 32 4-bit codes and 32 steps.
inline I32 dot_nibbles(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  const __m256i both = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(c)));
  const __m256i low = _mm256_and_si256(both, _mm256_set1_epi16(15));
  const __m512i codes =
      _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm256_srli_epi16(both, 4), 1);
  return add_products(acc, codes, _mm512_loadu_si512(q));
}

inline std::int32_t load_int(const std::int16_t* p) {
  std::int32_t both;
  std::memcpy(&both, p, sizeof both);
  return both;
}

/// Pairs of 16-bit integers, one pair a lane.
struct I16 {
  __m512i v;
};
inline I16 load_pairs(const std::int16_t* p) { return {_mm512_loadu_si512(p)}; }
inline I16 broadcast_pair(const std::int16_t* p) { return {_mm512_set1_epi32(load_int(p))}; }
inline I32 dot_pairs(I16 a, I16 b, I32 acc) {
  acc = add_products(acc, a.v, b.v);
  asm("" : "+v"(acc.v));  // GCC 12 otherwise takes all products first and spills sums
  return acc;
}
inline I32 load_i32(const std::int32_t* p) { return {_mm512_loadu_si512(p)}; }
inline void store(std::int32_t* p, I32 a) { _mm512_storeu_si512(p, a.v); }
/// a with `bit` set where b is above zero.
inline I32 set_where_positive(I32 a, I32 b, std::int32_t bit) {
  const __mmask16 positive = _mm512_cmpgt_epi32_mask(b.v, _mm512_setzero_si512());
  return {_mm512_mask_or_epi32(a.v, positive, a.v, _mm512_set1_epi32(bit))};
}
/// The lanes that are `most` or less from zero.
inline std::uint32_t near_zero(I32 a, std::int32_t most) {
  return _mm512_cmple_epi32_mask(_mm512_abs_epi32(a.v), _mm512_set1_epi32(most));
}
/// Rounds both to pairs of 16-bit integers.
inline void store_pairs(std::int16_t* p, F32 first, F32 second) {
  const __m512i upper = _mm512_slli_epi32(_mm512_cvtps_epi32(second.v), 16);
  _mm512_storeu_si512(p, _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_cvtps_epi32(first.v), upper));
}
inline F32 to_floats(I32 a) { return {_mm512_cvtepi32_ps(a.v)}; }

inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }

inline F32 load_counts(const std::uint16_t* p) {
  const __m256i counts = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(counts))};
}
inline F32 load_counts(const std::uint8_t* p) {
  const __m128i counts = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(counts))};
}

/// Both halves of a sum over bytes, even and odd vectors apart, where odd ones are also in `both`.
inline void store_counts(__m512i both, __m512i odd, std::uint16_t* to) {
  const __m512i even = _mm512_sub_epi16(both, _mm512_slli_epi16(odd, 8));
  const auto fold = [](__m512i a) {
    const __m256i b = _mm256_add_epi16(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    return _mm_add_epi16(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
  };
  // In one piece, as load_counts() reads it: two halves would have to leave for the cache first.
  const __m256i sums = _mm256_inserti128_si256(_mm256_castsi128_si256(fold(even)), fold(odd), 1);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), sums);
}

/// Sums of the table entries that 32 vectors select (kernels.hpp, SignBlock).
inline void scan_signs(const std::uint8_t* signs, const std::uint8_t* table, std::size_t dims,
                       const std::byte* ahead, std::uint16_t* sums) {
  const __m512i half = _mm512_set1_epi8(15);
  __m512i low = _mm512_setzero_si512();
  __m512i low_odd = low;
  __m512i high = low;
  __m512i high_odd = low;
  const auto select = [&](__m512i pairs, __m512i entries, __m512i& low_bytes, __m512i& high_bytes) {
    low_bytes =
        _mm512_add_epi8(low_bytes, _mm512_shuffle_epi8(entries, _mm512_and_si512(pairs, half)));
    high_bytes = _mm512_add_epi8(
        high_bytes,
        _mm512_shuffle_epi8(entries, _mm512_and_si512(_mm512_srli_epi16(pairs, 4), half)));
  };
  const auto widen = [&](__m512i low_bytes, __m512i high_bytes) {
    low = _mm512_add_epi16(low, low_bytes);
    low_odd = _mm512_add_epi16(low_odd, _mm512_srli_epi16(low_bytes, 8));
    high = _mm512_add_epi16(high, high_bytes);
    high_odd = _mm512_add_epi16(high_odd, _mm512_srli_epi16(high_bytes, 8));
  };
  std::size_t bytes = 4 * dims;
  for (; bytes >= 128; bytes -= 128, signs += 128, table += 128, ahead += 128) {
    prefetch(ahead);
    prefetch(ahead + 64);
    __m512i low_bytes = _mm512_setzero_si512();
    __m512i high_bytes = low_bytes;
#pragma GCC unroll 2
    for (std::size_t i = 0; i < 128; i += 64)
      select(_mm512_loadu_si512(signs + i), _mm512_loadu_si512(table + i), low_bytes, high_bytes);
    widen(low_bytes, high_bytes);
  }
  for (; bytes != 0; signs += 64, table += 64, ahead += 64) {
    prefetch(ahead);
    const std::size_t taken = bytes < 64 ? bytes : 64;
    const __mmask64 there = ~std::uint64_t{0} >> (64 - taken);
    __m512i low_bytes = _mm512_setzero_si512();
    __m512i high_bytes = low_bytes;
    select(_mm512_maskz_loadu_epi8(there, signs), _mm512_maskz_loadu_epi8(there, table), low_bytes,
           high_bytes);
    widen(low_bytes, high_bytes);
    bytes -= taken;
  }
  store_counts(low, low_odd, sums);
  store_counts(high, high_odd, sums + 16);
}

}  // namespace
