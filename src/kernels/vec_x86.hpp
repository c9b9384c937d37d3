/// What the levels of x86 share: AVX2 is part of them all. Included by vec_<isa>.hpp only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace {

/// Entry c = (the sum of the steps' magnitudes whose signs column c agrees with) / 256, rounded;
/// columns: 16 signs for each of the four steps.
inline void sign_entries(const std::int16_t* steps, const std::int16_t* columns, std::uint8_t* to) {
  __m256i sum = _mm256_set1_epi16(128);
#pragma GCC unroll 4
  for (std::size_t b = 0; b < 4; ++b) {
    const __m256i signs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(columns + 16 * b));
    const __m256i agreed = _mm256_sign_epi16(_mm256_set1_epi16(steps[b]), signs);
    sum = _mm256_add_epi16(sum, _mm256_max_epi16(agreed, _mm256_setzero_si256()));
  }
  sum = _mm256_srli_epi16(sum, 8);
  const __m128i bytes =
      _mm_packus_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
}

/// Four columns of eight rows that become rows: halves come together as they are loaded, which
/// takes fewer shuffles than to bring them together afterwards.
inline void transpose_four(const float* from, std::size_t from_stride, float* to,
                           std::size_t to_stride) {
  __m256 rows[4];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < 4; ++r)
    rows[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + r * from_stride)),
                                   _mm_loadu_ps(from + (r + 4) * from_stride), 1);
  const __m256 a = _mm256_unpacklo_ps(rows[0], rows[1]);
  const __m256 b = _mm256_unpacklo_ps(rows[2], rows[3]);
  const __m256 c = _mm256_unpackhi_ps(rows[0], rows[1]);
  const __m256 d = _mm256_unpackhi_ps(rows[2], rows[3]);
  _mm256_storeu_ps(to, _mm256_shuffle_ps(a, b, 0x44));
  _mm256_storeu_ps(to + to_stride, _mm256_shuffle_ps(a, b, 0xEE));
  _mm256_storeu_ps(to + 2 * to_stride, _mm256_shuffle_ps(c, d, 0x44));
  _mm256_storeu_ps(to + 3 * to_stride, _mm256_shuffle_ps(c, d, 0xEE));
}

/// Eight rows of eight values that become columns.
inline void transpose_eight(const float* from, std::size_t from_stride, float* to,
                            std::size_t to_stride) {
  transpose_four(from, from_stride, to, to_stride);
  transpose_four(from + 4, from_stride, to + 4 * to_stride, to_stride);
}

}  // namespace
