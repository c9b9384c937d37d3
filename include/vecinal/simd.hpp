/// Which vector instructions the kernels use. Chosen once, at first use, from what the CPU has;
/// the environment variable VECINAL_SIMD = scalar | avx2 | avx512 |
/// avx512_vnni | neon overrides it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace vecinal {

/// avx2: with FMA and F16C. avx512: F, BW, DQ and VL. avx512_vnni: that, and products of integers
/// that are added up as they are made.
enum class SimdLevel : std::uint8_t { scalar, avx2, avx512, avx512_vnni, neon };

/// All of them.
inline constexpr std::array simd_levels = {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512,
                                           SimdLevel::avx512_vnni, SimdLevel::neon};

[[nodiscard]] std::string_view name(SimdLevel level);

/// True if this build has the level and this CPU can run it.
[[nodiscard]] bool supported(SimdLevel level);

/// The level in use. Throws std::invalid_argument if VECINAL_SIMD names an unknown or unsupported
/// level.
[[nodiscard]] SimdLevel active_simd();

}  // namespace vecinal
