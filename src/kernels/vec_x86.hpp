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

}  // namespace
