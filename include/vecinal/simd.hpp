/// Which vector instructions the kernels use. Chosen once, at first use, from what the CPU has;
/// the environment variable VECINAL_SIMD = scalar | avx2 | avx512 | neon overrides it.
#pragma once

#include <cstdint>
#include <string_view>

namespace vecinal {

enum class SimdLevel : std::uint8_t { scalar, avx2, avx512, neon };

[[nodiscard]] std::string_view name(SimdLevel level);

/// True if this build has the level and this CPU can run it.
[[nodiscard]] bool supported(SimdLevel level);

/// The level in use. Throws std::invalid_argument if VECINAL_SIMD names an unknown or unsupported
/// level.
[[nodiscard]] SimdLevel active_simd();

}  // namespace vecinal
