#!/usr/bin/env bash
# The long forms of tests that scripts/test.sh runs short; docs/how-it-is-tested.md says what they reached.
#
#   scripts/soak.sh fuzz [SECONDS]       every fuzz target so long (3600)
#   scripts/soak.sh history [CHANGES]    searches beside so many changes (100000), checked; then under tsan
#   scripts/soak.sh threads              nearly all unit tests under the thread sanitizer, not only those of threads
#   scripts/soak.sh model [EXAMPLES]     random calls on random configs from Python (2000, and five times as many
#                                        sequences of 50 calls)
#   scripts/soak.sh properties [N]       so many random sequences of calls of each part with a model (20000)
#   scripts/soak.sh crash                kills and errors at every system call
#   scripts/soak.sh sabotage             faults put into the sources, each of which a test must catch
#   scripts/soak.sh coverage             lines and branches that the tests run
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
jobs=$(nproc)

build() { # PRESET TARGET...
  need_build_tools
  cmake --preset "$1"
  cmake --build --preset "$1" -j "$jobs" --target "${@:2}"
}

under_tsan() { # FILTER
  local fixed=(setarch "$(uname -m)" -R)
  "${fixed[@]}" true 2>/dev/null || fixed=()
  TSAN_OPTIONS=halt_on_error=1 "${fixed[@]}" build/tsan/tests/vecinal_tests --gtest_filter="$1"
}

case "${1:-}" in
  fuzz)
    FUZZ_SECONDS=${2:-3600} scripts/test.sh fuzz
    ;;
  history)
    export VECINAL_HISTORY_OPS=${2:-100000}
    need_clang
    build release vecinal_tests
    build/release/tests/vecinal_tests --gtest_filter='History*'
    build tsan vecinal_tests
    VECINAL_HISTORY_OPS=$((VECINAL_HISTORY_OPS / 20)) under_tsan 'History*'
    ;;
  threads)
    need_build_tools
    need_clang
    cmake --preset tsan -DVECINAL_TESTS_NAMED= # all files
    cmake --build --preset tsan -j "$jobs" --target vecinal_tests
    under_tsan '-*TenTurnovers*:*Hostile*'
    ;;
  model)
    need_venv build/test-venv
    build/test-venv/bin/pip install --quiet '.[test]'
    VECINAL_HYPOTHESIS=explore VECINAL_EXAMPLES=${2:-2000} build/test-venv/bin/python -m pytest -q \
      tests/python/test_model.py tests/python/test_arrays.py tests/python/test_filters.py tests/python/test_files.py
    ;;
  properties)
    build release vecinal_tests
    RC_PARAMS="max_success=${2:-20000} max_size=200" build/release/tests/vecinal_tests --gtest_filter='*Properties*'
    ;;
  crash)
    need strace
    build release vecinal_crash_driver vecinal_fault_tests
    python3 tests/faults/crash_test.py build/release/tests/faults/vecinal_crash_driver --long
    build/release/tests/faults/vecinal_fault_tests
    ;;
  sabotage)
    need_build_tools
    python3 tests/sabotage/run.py
    ;;
  coverage)
    need_clang
    build release vecinal_cuda_emulated # it is not measured, and older Clangs have no _Float16
    build coverage vecinal_tests vecinal_fault_tests vecinal_cuda_tests
    tests=build/coverage/tests
    rm -rf build/coverage/runs
    export LLVM_PROFILE_FILE=$PWD/build/coverage/runs/%m.profraw
    "$tests/vecinal_tests" --gtest_brief=1
    "$tests/faults/vecinal_fault_tests" --gtest_brief=1
    VECINAL_CUDA_LIBRARY=$PWD/build/release/tests/cuda/libvecinal_cuda_emulated.so \
      "$tests/cuda/vecinal_cuda_tests" --gtest_brief=1
    llvm-profdata merge -o build/coverage/all.profdata build/coverage/runs
    seen=(-instr-profile build/coverage/all.profdata "$tests/vecinal_tests" -object "$tests/faults/vecinal_fault_tests"
      -object "$tests/cuda/vecinal_cuda_tests" src)
    llvm-cov export "${seen[@]}" >build/coverage/all.json
    llvm-cov show -show-branches count -show-instantiations=false "${seen[@]}" >build/coverage/lines.txt
    python3 scripts/coverage_report.py build/coverage/all.json
    ;;
  *)
    sed -n '2,12p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
