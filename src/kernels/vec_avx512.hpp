/// Sixteen lanes: AVX-512 F, BW, DQ, VL.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

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
inline F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline F32 least(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }
inline F32 greatest(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }
inline float sum(F32 a) { return _mm512_reduce_add_ps(a.v); }
inline std::uint32_t less_equal(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ); }

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

/// acc + products of 32 one-byte codes and 32 steps.
inline I32 dot_bytes(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  const __m512i codes =
      _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(c)));
  return add(acc, {_mm512_madd_epi16(codes, _mm512_loadu_si512(q))});
}

/// acc + products of a block of 32 4-bit codes and 32 steps.
inline I32 dot_nibbles(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  const __m256i both = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(c)));
  const __m256i low = _mm256_and_si256(both, _mm256_set1_epi16(15));
  const __m512i codes =
      _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm256_srli_epi16(both, 4), 1);
  return add(acc, {_mm512_madd_epi16(codes, _mm512_loadu_si512(q))});
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
  acc = add(acc, {_mm512_madd_epi16(a.v, b.v)});
  asm("" : "+v"(acc.v));  // GCC 12 otherwise takes all products first and spills sums
  return acc;
}
inline F32 to_floats(I32 a) { return {_mm512_cvtepi32_ps(a.v)}; }

inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }

}  // namespace
