/// A query for many rows of 4-bit codes, where bytes can be multiplied (VNNI): its steps are taken
/// apart into upper bytes, which are signed, and lower ones, which are not. 64 codes are multiplied
/// at a time instead of 32, and need not be widened: 9 instructions for 128 codes instead of 20,
/// for about as many once for every 32 steps of the query. Sums are exact, as those of steps are.
#pragma once

#include "kernels/vec.hpp"

namespace {

class SplitSteps {
 public:
  /// Fewer rows are not worth it, more dims have no room.
  static constexpr std::size_t least_rows = 4;
  static constexpr std::size_t most_dim = 2048;

  /// dim: a multiple of 32.
  SplitSteps(const std::int16_t* steps, std::size_t dim) : dim_(dim) {
    std::uint8_t* to = planes_;
    for (std::size_t d = 0; d < dim; d += block, to += 2 * block) split(steps + d, dim - d, to);
  }

  std::int32_t dot(const std::uint8_t* codes) const {
    const std::uint8_t* const rows[1] = {codes};
    Sums sums[1];
    multiply(rows, sums);
    return _mm512_reduce_add_epi32(sums[0].whole());
  }

  void dot_four(const std::uint8_t* const (&codes)[4], std::int32_t (&to)[4]) const {
    Sums sums[4];
    multiply(codes, sums);
    sum_four({sums[0].whole()}, {sums[1].whole()}, {sums[2].whole()}, {sums[3].whole()}, to);
  }

 private:
  static constexpr std::size_t block = 128;  ///< codes in a register

  struct Sums {
    __m512i upper = _mm512_setzero_si512();
    __m512i lower = _mm512_setzero_si512();
    __m512i whole() const { return _mm512_add_epi32(_mm512_slli_epi32(upper, 8), lower); }
  };

  /// Writes the bytes of up to 128 steps, zeros behind them: 64 upper ones for the codes in the low
  /// halves of bytes, which come 16 of every 32, 64 for those in the high halves; then the lower
  /// ones.
  static void split(const std::int16_t* steps, std::size_t count, std::uint8_t* to) {
    __m256i upper[4];
    __m256i lower[4];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      const __m512i some =
          32 * i < count ? _mm512_loadu_si512(steps + 32 * i) : _mm512_setzero_si512();
      upper[i] = _mm512_cvtepi16_epi8(_mm512_srli_epi16(some, 8));
      lower[i] = _mm512_cvtepi16_epi8(some);
    }
    arrange(upper, to);
    arrange(lower, to + block);
  }

  static void arrange(const __m256i (&from)[4], std::uint8_t* to) {
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const __m512i high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    const __m512i even = _mm512_inserti64x4(_mm512_castsi256_si512(from[0]), from[2], 1);
    const __m512i odd = _mm512_inserti64x4(_mm512_castsi256_si512(from[1]), from[3], 1);
    _mm512_store_si512(to, _mm512_permutex2var_epi64(even, low, odd));
    _mm512_store_si512(to + 64, _mm512_permutex2var_epi64(even, high, odd));
  }

  template <std::size_t rows>
  void multiply(const std::uint8_t* const (&codes)[rows], Sums (&sums)[rows]) const {
    const std::uint8_t* planes = planes_;
    std::size_t d = 0;
    for (; d + block <= dim_; d += block, planes += 2 * block)
      for (std::size_t i = 0; i < rows; ++i)
        add_products(_mm512_loadu_si512(codes[i] + d / 2), planes, sums[i]);
    if (d == dim_) return;
    const __mmask64 there = ~std::uint64_t{0} >> (64 - (dim_ - d) / 2);
    for (std::size_t i = 0; i < rows; ++i)
      add_products(_mm512_maskz_loadu_epi8(there, codes[i] + d / 2), planes, sums[i]);
  }

  static void add_products(__m512i codes, const std::uint8_t* planes, Sums& sums) {
    const auto plane = [&](std::size_t i) { return _mm512_load_si512(planes + 64 * i); };
    const __m512i half = _mm512_set1_epi8(15);
    const __m512i low = _mm512_and_si512(codes, half);
    const __m512i high = _mm512_and_si512(_mm512_srli_epi16(codes, 4), half);
    sums.upper = _mm512_dpbusd_epi32(sums.upper, low, plane(0));
    sums.upper = _mm512_dpbusd_epi32(sums.upper, high, plane(1));
    sums.lower = _mm512_dpbusd_epi32(sums.lower, plane(2), low);
    sums.lower = _mm512_dpbusd_epi32(sums.lower, plane(3), high);
  }

  alignas(64) std::uint8_t planes_[2 * most_dim];
  std::size_t dim_;
};

}  // namespace
