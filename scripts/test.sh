#!/usr/bin/env bash
# Tests vecinal on Debian or Ubuntu; what is missing is installed first (apt, and pip inside build/).
#
#   scripts/test.sh [all|unit|asan|tsan|neon|fuzz|python|cuda]...      default: all
#
# unit    release build, benchmarks included; unit, architecture, command line, example and consumer tests
# asan    the unit tests under the address and undefined-behaviour sanitizers, by clang
# tsan    the unit tests whose names speak of threads, or of calls beside others, under the thread sanitizer
# neon    the library built for 64-bit ARM, and the unit tests of what has NEON code or is fed by it, run by qemu
# fuzz    every libFuzzer target for FUZZ_SECONDS (20), of the build of asan
# python  pip install into an environment of its own, then pytest
# cuda    libvecinal_cuda compiled and linked where there is nvcc; no kernel may spill (unit runs them, emulated)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

jobs=${JOBS:-$(nproc)}

# preset NAME [COMMAND...]: configures, builds and tests one preset of CMakePresets.json; ctest runs under COMMAND.
preset() {
  need_build_tools
  cmake --preset "$1"
  cmake --build --preset "$1" -j "$jobs"
  "${@:2}" ctest --preset "$1" -j "$jobs"
}

# fuzz NAME: one target for FUZZ_SECONDS; what it prints comes in one piece.
fuzz() {
  local corpus=build/fuzz/corpus/$1 log=build/fuzz/$1.log status=0
  mkdir -p "$corpus"
  "build/asan/tests/fuzz/$1" -max_total_time="$FUZZ_SECONDS" -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0 \
    -print_funcs=0 "$corpus" >"$log" 2>&1 || status=1
  printf -- '-- %s\n%s\n' "$1" "$(<"$log")"
  return "$status"
}
export -f fuzz

# share_objects: the library is compiled alike for the unit tests, for a consumer's build and for Python; ccache
# makes it once. Other stages have flags of their own, and precompiled headers, which are faster than an empty cache.
share_objects() {
  need ccache
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CXX=c++ # by one name: ccache takes others for other compilers
}

stage_unit() {
  share_objects
  need_build_tools
  need libbenchmark-dev
  cmake --preset release -DVECINAL_BENCHMARKS=ON >/dev/null # compiled, not run: they fell behind once
  preset release
}
stage_asan() {
  need_clang
  preset asan
}

stage_tsan() {
  need_clang
  # Address randomisation of newer kernels is wider than the sanitizer of older compilers can bear.
  local fixed=(setarch "$(uname -m)" -R)
  "${fixed[@]}" true 2>/dev/null || fixed=()
  preset tsan "${fixed[@]}"
}

stage_neon() {
  if [[ "$(uname -m)" == aarch64 ]]; then
    echo "this machine is 64-bit ARM: the unit stage is the NEON test"
    return 0
  fi
  need g++-aarch64-linux-gnu qemu-user googletest
  preset neon
}

stage_fuzz() {
  need_build_tools
  need_clang
  cmake --preset asan
  cmake --build --preset asan -j "$jobs" --target fuzzers
  mkdir -p build/fuzz
  find build/asan/tests/fuzz -maxdepth 1 -name 'fuzz_*' -executable -printf '%f\n' | sort >build/fuzz/targets
  [[ -s build/fuzz/targets ]] || { echo "tests/fuzz made no program fuzz_*" >&2; return 1; }
  export FUZZ_SECONDS=${FUZZ_SECONDS:-20}
  xargs -P "$jobs" -I {} bash -c 'fuzz {}' <build/fuzz/targets
}

stage_python() {
  local venv=build/test-venv
  need_venv "$venv"
  share_objects
  "$venv/bin/pip" install --quiet -C cmake.define.VECINAL_WERROR=ON -C cmake.define.VECINAL_PRECOMPILE=OFF '.[test]'
  "$venv/bin/python" -m pytest -q tests/python
  local emulated=build/release/tests/cuda/libvecinal_cuda_emulated.so # by the unit stage
  if [[ -e "$emulated" ]]; then
    VECINAL_CUDA_LIBRARY=$PWD/$emulated "$venv/bin/python" -m pytest -q \
      tests/python/test_device.py tests/python/test_gpu_arrays.py tests/python/test_cuda_benchmark.py
  fi
}

stage_cuda() {
  if ! find_nvcc; then
    echo "no nvcc on this machine: the kernels of cuda/ were compiled as C++ only, by the unit stage"
    return 0
  fi
  need_build_tools
  JOBS="$jobs" scripts/cuda_resources.sh
  "$CUDACXX" -std=c++20 -arch=sm_90a -Werror all-warnings -c benchmarks/cuda/ceilings.cu \
    -o build/cuda-resources/ceilings.o
}

stages=("$@")
if ((${#stages[@]} == 0)) || [[ " ${stages[*]} " == *" all "* ]]; then
  stages=(unit asan tsan neon fuzz python cuda)
fi
for stage in "${stages[@]}"; do
  declare -F "stage_$stage" >/dev/null || { sed -n '2,12p' "${BASH_SOURCE[0]}" >&2; exit 2; }
done

summary=()
failed=0
for stage in "${stages[@]}"; do
  echo "== $stage"
  SECONDS=0
  set +e # the subshell keeps -e, so the first command that fails ends its stage
  (set -e; "stage_$stage") </dev/null
  status=$?
  set -e
  if ((status == 0)); then verdict=passed; else verdict="FAILED ($status)"; failed=1; fi
  summary+=("$(printf '%-8s %-12s %5d s' "$stage" "$verdict" "$SECONDS")")
done
printf '== summary\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
