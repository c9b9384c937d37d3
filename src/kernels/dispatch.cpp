#include "kernels/dispatch.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "core/concat.hpp"

namespace vecinal {
namespace {

constexpr std::array<SimdLevel, 4> best_first = {SimdLevel::avx512, SimdLevel::avx2,
                                                 SimdLevel::neon, SimdLevel::scalar};

#if defined(__x86_64__)
/// clang's __builtin_cpu_supports does not know this one.
bool has_f16c() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

bool cpu_has(SimdLevel level) {
  switch (level) {
    case SimdLevel::scalar:
      return true;
#if defined(__x86_64__)
    case SimdLevel::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    case SimdLevel::avx512:
      return cpu_has(SimdLevel::avx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
#elif defined(__aarch64__)
    case SimdLevel::neon:
      return true;
#endif
    default:
      return false;
  }
}

SimdLevel choose() {
  const char* set = std::getenv("VECINAL_SIMD");
  const std::string_view wanted = set != nullptr ? set : "";
  if (wanted.empty()) {
    for (const SimdLevel level : best_first)
      if (cpu_has(level)) return level;
  }
  for (const SimdLevel level : best_first) {
    if (name(level) != wanted) continue;
    if (!cpu_has(level))
      throw std::invalid_argument(concat("VECINAL_SIMD: this CPU or build has no ", wanted));
    return level;
  }
  throw std::invalid_argument(
      concat("VECINAL_SIMD: \"", wanted, "\" is unknown; levels are scalar, avx2, avx512, neon"));
}

}  // namespace

std::string_view name(SimdLevel level) {
  constexpr std::array<std::string_view, 4> names = {"scalar", "avx2", "avx512", "neon"};
  return names[static_cast<std::size_t>(level)];
}

bool supported(SimdLevel level) { return cpu_has(level); }

SimdLevel active_simd() {
  static const SimdLevel level = choose();
  return level;
}

namespace kernels {

const KernelTable& table(SimdLevel level) {
  if (cpu_has(level)) {
    switch (level) {
      case SimdLevel::scalar:
        return table_scalar();
#if defined(__x86_64__)
      case SimdLevel::avx2:
        return table_avx2();
      case SimdLevel::avx512:
        return table_avx512();
#elif defined(__aarch64__)
      case SimdLevel::neon:
        return table_neon();
#endif
      default:
        break;
    }
  }
  throw std::invalid_argument(concat("simd: this CPU or build has no ", name(level)));
}

const KernelTable& active() {
  static const KernelTable& chosen = table(active_simd());
  return chosen;
}

}  // namespace kernels
}  // namespace vecinal
