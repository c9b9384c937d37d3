/// Four lanes: NEON on AArch64, where half conversions are part of the base set.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

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
inline F32 fma(F32 a, F32 b, F32 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
inline float sum(F32 a) { return vaddvq_f32(a.v); }

inline std::uint32_t less_equal(F32 a, F32 b) {
  const uint32x4_t bits = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(vcleq_f32(a.v, b.v), bits));
}

inline F32 load_half(const std::uint16_t* p) {
  return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)))};
}
inline void store_half(std::uint16_t* p, F32 a) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(a.v)));
}

inline void prefetch(const void* p) { __builtin_prefetch(p); }

}  // namespace
