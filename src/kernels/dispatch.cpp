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

/// What this build has, the best first.
struct Build {
  SimdLevel level;
  bool (*on_this_cpu)();
  const kernels::KernelTable& (*table)() noexcept;
};

#if defined(__x86_64__)
/// clang's __builtin_cpu_supports does not know this one.
bool has_f16c() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
#endif

constexpr std::array builds = {
#if defined(__x86_64__)
    Build{SimdLevel::avx512_vnni, has_avx512_vnni, kernels::table_avx512_vnni},
    Build{SimdLevel::avx512, has_avx512, kernels::table_avx512},
    Build{SimdLevel::avx2, has_avx2, kernels::table_avx2},
#elif defined(__aarch64__)
    Build{SimdLevel::neon, [] { return true; }, kernels::table_neon},
#endif
    Build{SimdLevel::scalar, [] { return true; }, kernels::table_scalar},
};

/// Null if this build or CPU does not have the level.
const Build* find(SimdLevel level) {
  for (const Build& build : builds)
    if (build.level == level && build.on_this_cpu()) return &build;
  return nullptr;
}

SimdLevel choose() {
  const char* set = std::getenv("VECINAL_SIMD");
  const std::string_view wanted = set != nullptr ? set : "";
  if (wanted.empty()) {
    for (const Build& build : builds)
      if (build.on_this_cpu()) return build.level;
  }
  std::string known;
  for (const SimdLevel level : simd_levels) {
    if (name(level) == wanted) {
      if (find(level) != nullptr) return level;
      throw std::invalid_argument(concat("VECINAL_SIMD: this CPU or build has no ", wanted));
    }
    known += concat(known.empty() ? "" : ", ", name(level));
  }
  throw std::invalid_argument(
      concat("VECINAL_SIMD: \"", wanted, "\" is unknown; levels are ", known));
}

}  // namespace

std::string_view name(SimdLevel level) {
  constexpr std::array<std::string_view, simd_levels.size()> names = {"scalar", "avx2", "avx512",
                                                                      "avx512_vnni", "neon"};
  return names[static_cast<std::size_t>(level)];
}

bool supported(SimdLevel level) { return find(level) != nullptr; }

SimdLevel active_simd() {
  static const SimdLevel level = choose();
  return level;
}

namespace kernels {

const KernelTable& table(SimdLevel level) {
  const Build* build = find(level);
  if (build == nullptr)
    throw std::invalid_argument(concat("simd: this CPU or build has no ", name(level)));
  return build->table();
}

const KernelTable& active() {
  static const KernelTable& chosen = table(active_simd());
  return chosen;
}

}  // namespace kernels
}  // namespace vecinal
