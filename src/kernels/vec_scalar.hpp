/// One lane: the independent witness that the vector levels are tested against, and the last
/// resort.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

struct F32 {
  static constexpr std::size_t width = 1;
  static constexpr std::size_t registers = 16;
  float v;
};

inline F32 zero() { return {0.0F}; }
inline F32 load(const float* p) { return {*p}; }
inline F32 broadcast(const float* p) { return {*p}; }
inline void store(float* p, F32 a) { *p = a.v; }
inline F32 add(F32 a, F32 b) { return {a.v + b.v}; }
inline F32 sub(F32 a, F32 b) { return {a.v - b.v}; }
inline F32 mul(F32 a, F32 b) { return {a.v * b.v}; }
inline F32 div(F32 a, F32 b) { return {a.v / b.v}; }
inline F32 fma(F32 a, F32 b, F32 c) { return {a.v * b.v + c.v}; }
inline F32 least(F32 a, F32 b) { return {a.v < b.v ? a.v : b.v}; }
inline F32 greatest(F32 a, F32 b) { return {a.v > b.v ? a.v : b.v}; }
inline float sum(F32 a) { return a.v; }
inline float least_lane(F32 a) { return a.v; }

/// Butterflies among the lanes of a register, nearest first.
inline F32 hadamard_lanes(F32 a) { return a; }

inline std::uint32_t less_equal(F32 a, F32 b) { return a.v <= b.v ? 1U : 0U; }

/// x where a <= b, else y.
inline F32 where_at_most(F32 a, F32 b, F32 x, F32 y) { return a.v <= b.v ? x : y; }

/// The lanes whose bit is set, moved together; behind them is anything.
inline F32 pack(F32 a, std::uint32_t /*which*/) { return a; }
/// Integers, whose bits alone are moved.
inline F32 load_words(const std::uint32_t* p) {
  F32 a;
  std::memcpy(&a.v, p, sizeof a.v);
  return a;
}
inline void store_words(std::uint32_t* p, F32 a) { std::memcpy(p, &a.v, sizeof a.v); }

/// IEEE binary16 to binary32, by bits: subnormals are scaled by a float subtraction.
inline F32 load_half(const std::uint16_t* p) {
  const std::uint32_t sign = static_cast<std::uint32_t>(*p & 0x8000U) << 16U;
  const std::uint32_t rest = *p & 0x7FFFU;
  std::uint32_t bits = (rest << 13U) + (112U << 23U);
  float value = 0;
  if (rest >= 0x7C00U) {
    bits += 112U << 23U;
  } else if (rest < 0x0400U) {
    const std::uint32_t subnormal = (rest << 13U) + (113U << 23U);
    const std::uint32_t smallest = 113U << 23U;
    float base = 0;
    std::memcpy(&value, &subnormal, sizeof value);
    std::memcpy(&base, &smallest, sizeof base);
    value -= base;
    std::memcpy(&bits, &value, sizeof bits);
  }
  bits |= sign;
  std::memcpy(&value, &bits, sizeof value);
  return {value};
}

/// binary32 to binary16, to nearest even.
inline void store_half(std::uint16_t* p, F32 a) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &a.v, sizeof bits);
  const std::uint32_t sign = (bits >> 16U) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t half = 0;
  if (magnitude > 0x7F800000U) {
    half = 0x7E00U | ((magnitude >> 13U) & 0x3FFU);
  } else if (magnitude >= 0x47800000U) {
    half = 0x7C00U;
  } else if (magnitude < 0x38800000U) {
    // Adding 0.5 lines the subnormal's last bit up with the float's last bit, so the sum rounds it.
    float value = 0;
    std::memcpy(&value, &magnitude, sizeof value);
    value += 0.5F;
    std::memcpy(&half, &value, sizeof half);
    half -= 0x3F000000U;
  } else {
    const std::uint32_t odd = (magnitude >> 13U) & 1U;
    half = (magnitude - (112U << 23U) + 0xFFFU + odd) >> 13U;
  }
  *p = static_cast<std::uint16_t>(sign | half);
}

/// Sums of products of codes and query steps.
struct I32 {
  std::int32_t v;
};
inline I32 zero_i32() { return {0}; }
inline I32 add(I32 a, I32 b) { return {a.v + b.v}; }
inline std::int32_t sum(I32 a) { return a.v; }

inline void sum_four(I32 a, I32 b, I32 c, I32 d, std::int32_t (&to)[4]) {
  to[0] = a.v;
  to[1] = b.v;
  to[2] = c.v;
  to[3] = d.v;
}

/// A 64-bit integer.
struct I64 {
  static constexpr std::size_t width = 1;
  std::int64_t v;
};
inline I64 zero_i64() { return {0}; }
inline I64 load_i64(const std::int64_t* p) { return {*p}; }
inline void store(std::int64_t* p, I64 a) { *p = a.v; }
inline I64 broadcast_i64(std::int64_t a) { return {a}; }
inline I64 least(I64 a, I64 b) { return a.v < b.v ? a : b; }
inline I64 greatest(I64 a, I64 b) { return a.v < b.v ? b : a; }
/// The last lane of a, then all of b but the last.
inline I64 moved_up(I64 a, I64 /*b*/) { return a; }
/// count, and one more if a < b.
inline I64 count_less(I64 a, I64 b, I64 count) { return {count.v + (a.v < b.v ? 1 : 0)}; }
inline std::size_t sum(I64 a) { return static_cast<std::size_t>(a.v); }

/// acc + products of 32 one-byte codes and 32 steps.
inline I32 dot_bytes(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  for (std::size_t i = 0; i < 32; ++i) acc.v += c[i] * q[i];
  return acc;
}

/// acc + products of a block of 32 4-bit codes and 32 steps.
inline I32 dot_nibbles(const std::uint8_t* c, const std::int16_t* q, I32 acc) {
  for (std::size_t i = 0; i < 16; ++i) acc.v += (c[i] & 15) * q[i] + (c[i] >> 4) * q[16 + i];
  return acc;
}

/// A pair of 16-bit integers.
struct I16 {
  std::int32_t first;
  std::int32_t second;
};
inline I16 load_pairs(const std::int16_t* p) { return {p[0], p[1]}; }
inline I16 broadcast_pair(const std::int16_t* p) { return {p[0], p[1]}; }
inline I32 dot_pairs(I16 a, I16 b, I32 acc) {
  return {acc.v + a.first * b.first + a.second * b.second};
}
inline I32 load_i32(const std::int32_t* p) { return {*p}; }
inline void store(std::int32_t* p, I32 a) { *p = a.v; }
/// a with `bit` set where b is above zero.
inline I32 set_where_positive(I32 a, I32 b, std::int32_t bit) {
  return {b.v > 0 ? a.v | bit : a.v};
}
/// The lanes that are `most` or less from zero.
inline std::uint32_t near_zero(I32 a, std::int32_t most) {
  return a.v <= most && -a.v <= most ? 1U : 0U;
}
/// Past the range, its ends; of what is no number, the lower one.
inline std::int16_t nearest_step(float a) {
  if (!(a > -32768.0F)) return -32768;
  if (a >= 32767.0F) return 32767;
  return static_cast<std::int16_t>(static_cast<std::int32_t>(a + (a < 0.0F ? -0.5F : 0.5F)));
}
/// Rounds both to pairs of 16-bit integers.
inline void store_pairs(std::int16_t* p, F32 first, F32 second) {
  p[0] = nearest_step(first.v);
  p[1] = nearest_step(second.v);
}
inline F32 to_floats(I32 a) { return {static_cast<float>(a.v)}; }

inline void prefetch(const void* p) { __builtin_prefetch(p); }

inline F32 load_counts(const std::uint16_t* p) { return {static_cast<float>(*p)}; }
inline F32 load_counts(const std::uint8_t* p) { return {static_cast<float>(*p)}; }

/// Entry c = (the sum of the steps' magnitudes whose signs column c agrees with) / 256, rounded;
/// columns: 16 signs for each of the four steps.
inline void sign_entries(const std::int16_t* steps, const std::int16_t* columns, std::uint8_t* to) {
  for (std::size_t c = 0; c < 16; ++c) {
    int sum = 128;
    for (std::size_t b = 0; b < 4; ++b) {
      const int agreed = steps[b] * columns[16 * b + c];
      sum += agreed > 0 ? agreed : 0;
    }
    to[c] = static_cast<std::uint8_t>(sum >> 8);
  }
}

/// Sums of the table entries that 32 vectors select (kernels.hpp, SignBlock).
inline void scan_signs(const std::uint8_t* signs, const std::uint8_t* table, std::size_t dims,
                       const std::byte* ahead, std::uint16_t* sums) {
  prefetch(ahead);
  for (std::size_t k = 0; k < 32; ++k) {
    const std::size_t byte = k % 16 < 8 ? 2 * (k % 16) : 2 * (k % 16 - 8) + 1;
    sums[k] = 0;
    for (std::size_t g = 0; g < 4 * dims; g += 16) {
      const int signs_of = k < 16 ? signs[g + byte] & 15 : signs[g + byte] >> 4;
      sums[k] = static_cast<std::uint16_t>(sums[k] + table[g + static_cast<std::size_t>(signs_of)]);
    }
  }
}

/// Eight rows of eight values that become columns.
inline void transpose_eight(const float* from, std::size_t from_stride, float* to,
                            std::size_t to_stride) {
  for (std::size_t r = 0; r < 8; ++r)
    for (std::size_t c = 0; c < 8; ++c) to[c * to_stride + r] = from[r * from_stride + c];
}

}  // namespace
