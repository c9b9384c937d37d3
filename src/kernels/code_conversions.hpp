/// Floats to codes and back. Included by kernels.cpp only.
///
/// Plain loops that the compiler turns into vectors; value by value, so every instruction set makes
/// the same codes.
#pragma once

#include "kernels/float_rows.hpp"
#include "kernels/kernels.hpp"
#include "kernels/vec.hpp"

// __restrict: bytes alias everything, which would keep the loops scalar.

namespace {

using std::int16_t;
using std::int32_t;
using std::size_t;
using std::uint8_t;
using vecinal::kernels::Direction;
using vecinal::kernels::Grid;

struct Encoder {
  float factor;
  float shift;
  float last;
  Encoder(Grid grid, float max_code)
      : factor(0.5F / grid.step), shift(0.5F * static_cast<float>(grid.offset)), last(max_code) {}
  int32_t operator()(float value) const {
    float code = value * factor - shift + 0.5F;
    code = code < 0.0F ? 0.0F : code;
    return static_cast<int32_t>(code > last ? last : code);
  }
};

void encode8(const float* __restrict from, size_t dim, Grid grid,
             uint8_t* __restrict codes) noexcept {
  const Encoder encoder(grid, 255.0F);
  for (size_t d = 0; d < dim; ++d) codes[d] = static_cast<uint8_t>(encoder(from[d]));
}

void encode4(const float* __restrict from, size_t dim, Grid grid,
             uint8_t* __restrict codes) noexcept {
  const Encoder encoder(grid, 15.0F);
  for (size_t d = 0; d < dim; d += 32)
    for (size_t j = 0; j < 16; ++j)
      codes[d / 2 + j] =
          static_cast<uint8_t>(encoder(from[d + j]) | (encoder(from[d + 16 + j]) << 4));
}

inline float decode_one(int32_t code, Grid grid) {
  return grid.step * static_cast<float>(2 * code + grid.offset);
}

void decode8(const uint8_t* __restrict codes, size_t dim, Grid grid,
             float* __restrict to) noexcept {
  for (size_t d = 0; d < dim; ++d) to[d] = decode_one(codes[d], grid);
}

void decode4(const uint8_t* __restrict codes, size_t dim, Grid grid,
             float* __restrict to) noexcept {
  for (size_t d = 0; d < dim; d += 32) {
    for (size_t j = 0; j < 16; ++j) to[d + j] = decode_one(codes[d / 2 + j] & 15, grid);
    for (size_t j = 0; j < 16; ++j) to[d + 16 + j] = decode_one(codes[d / 2 + j] >> 4, grid);
  }
}

int32_t sum_steps(const int16_t* steps, size_t count) noexcept {
  int32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += steps[i];
  return sum;
}

void widen8(const uint8_t* __restrict codes, size_t dim, int16_t offset,
            int16_t* __restrict steps) noexcept {
  for (size_t d = 0; d < dim; ++d) steps[d] = static_cast<int16_t>(2 * codes[d] + offset);
}

void widen4(const uint8_t* __restrict codes, size_t dim, int16_t offset,
            int16_t* __restrict steps) noexcept {
  for (size_t d = 0; d < dim; d += 32) {
    for (size_t j = 0; j < 16; ++j)
      steps[d + j] = static_cast<int16_t>(2 * (codes[d / 2 + j] & 15) + offset);
    for (size_t j = 0; j < 16; ++j)
      steps[d + 16 + j] = static_cast<int16_t>(2 * (codes[d / 2 + j] >> 4) + offset);
  }
}

void to_steps(const float* __restrict from, size_t count, float factor,
              int16_t* __restrict steps) noexcept {
  for (size_t i = 0; i < count; ++i) {
    const float step = from[i] * factor;
    steps[i] = static_cast<int16_t>(static_cast<int32_t>(step + (step < 0.0F ? -0.5F : 0.5F)));
  }
}

Direction direction(const float* from, size_t count, float length, int16_t* steps) noexcept {
  constexpr float least_square = 1e-30F;  // reciprocals of lengths keep their precision
  const float square =
      -score_one<NegativeDot>(from, RowF32(reinterpret_cast<const std::byte*>(from)), count);
  const bool none = square < least_square;
  const float norm = __builtin_sqrtf(square);
  const float factor = none ? 0.0F : length / norm;
  const F32 factors = broadcast(&factor);
  size_t i = 0;
  for (; i + 2 * F32::width <= count; i += 2 * F32::width)
    store_pairs(steps + i, mul(load(from + i), factors), mul(load(from + i + F32::width), factors));
  to_steps(from + i, count - i, factor, steps + i);
  return {square, none ? 0.0F : norm / length};
}

void range(const float* from, size_t count, float* lowest, float* highest) noexcept {
  F32 low = load(from);
  F32 high = low;
  for (size_t i = F32::width; i < count; i += F32::width) {
    low = least(low, load(from + i));
    high = greatest(high, load(from + i));
  }
  float lows[F32::width];
  float highs[F32::width];
  store(lows, low);
  store(highs, high);
  *lowest = lows[0];
  *highest = highs[0];
  for (size_t i = 1; i < F32::width; ++i) {
    *lowest = lows[i] < *lowest ? lows[i] : *lowest;
    *highest = highs[i] > *highest ? highs[i] : *highest;
  }
}

float grid_error(const float* from, size_t count, Grid grid, float max_code) noexcept {
  // Adding this and taking it away again rounds to the nearest integer.
  const float magic_value = 0x1.8p23F;
  const float zero_value = 0;
  const float factor_value = 0.5F / grid.step;
  const float shift_value = -0.5F * static_cast<float>(grid.offset);
  const float back_value = -2.0F * grid.step;
  const float start_value = -grid.step * static_cast<float>(grid.offset);
  const F32 magic = broadcast(&magic_value);
  const F32 first = broadcast(&zero_value);
  const F32 last = broadcast(&max_code);
  const F32 factor = broadcast(&factor_value);
  const F32 shift = broadcast(&shift_value);
  const F32 back = broadcast(&back_value);
  const F32 start = broadcast(&start_value);
  constexpr size_t lanes = vecinal::kernels::row_padding;
  constexpr size_t parts = lanes / F32::width;
  F32 totals[parts];
  for (size_t k = 0; k < parts; ++k) totals[k] = zero();
  for (size_t i = 0; i < count; i += lanes)
#pragma GCC unroll 16
    for (size_t k = 0; k < parts; ++k) {
      const F32 value = load(from + i + k * F32::width);
      const F32 code =
          sub(add(least(greatest(fma(value, factor, shift), first), last), magic), magic);
      const F32 error = fma(code, back, add(value, start));
      totals[k] = fma(error, error, totals[k]);
    }
  float total_of[lanes];
  for (size_t k = 0; k < parts; ++k) store(total_of + k * F32::width, totals[k]);
  for (size_t half = lanes / 2; half != 0; half /= 2)
    for (size_t k = 0; k < half; ++k) total_of[k] += total_of[k + half];
  return total_of[0];
}

void magnitudes(const float* from, size_t count, float* most, float* total) noexcept {
  constexpr size_t lanes = vecinal::kernels::row_padding;
  constexpr size_t parts = lanes / F32::width;
  F32 high[parts];
  F32 sums[parts];
  for (size_t k = 0; k < parts; ++k) high[k] = sums[k] = zero();
  for (size_t i = 0; i < count; i += lanes)
#pragma GCC unroll 16
    for (size_t k = 0; k < parts; ++k) {
      const F32 value = load(from + i + k * F32::width);
      const F32 size = greatest(value, sub(zero(), value));
      high[k] = greatest(high[k], size);
      sums[k] = add(sums[k], size);
    }
  float high_of[lanes];
  float sum_of[lanes];
  for (size_t k = 0; k < parts; ++k) {
    store(high_of + k * F32::width, high[k]);
    store(sum_of + k * F32::width, sums[k]);
  }
  *most = 0;
  *total = 0;
  for (size_t k = 0; k < lanes; ++k) {
    *most = high_of[k] > *most ? high_of[k] : *most;
    *total += sum_of[k];
  }
}

}  // namespace
