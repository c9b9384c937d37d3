/// Eight lanes: AVX2, FMA, F16C.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

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
inline F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }

inline F32 least(F32 a, F32 b) { return {_mm256_min_ps(a.v, b.v)}; }
inline F32 greatest(F32 a, F32 b) { return {_mm256_max_ps(a.v, b.v)}; }
inline float sum(F32 a) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}

inline std::uint32_t less_equal(F32 a, F32 b) {
  return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)));
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
inline F32 to_floats(I32 a) { return {_mm256_cvtepi32_ps(a.v)}; }

inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }

}  // namespace
