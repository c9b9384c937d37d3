#!/usr/bin/env bash
# Builds, checks and measures vecinal on an NVIDIA card, in at most ten minutes: prints one table and leaves it
# in build/cuda-bench (report.md, results.json). README.md says what is in it.
#
#   benchmarks/cuda/run.sh [--quick] [OPTION OF measure.py]...
#
# Nothing is downloaded. What is missing is named in the table and left out. Builds can be taken instead of made:
# VECINAL_CUDA_LIBRARY (libvecinal_cuda.so), VECINAL_CUDA_TESTS (vecinal_cuda_tests), and a vecinal that PYTHON
# (python3) imports.
set -uo pipefail # no -e: a step that fails is a line of the table
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
source scripts/setup.sh

work=$PWD/build/cuda-bench
steps=$work/steps.tsv
python=${PYTHON:-python3}
seconds=590 # for all
# Kinds of rows that between them use every kind of score, for the sanitizers; hundreds of rows each.
few_tests='Kinds/*/f32_l2:Kinds/*/f16_dot:Kinds/*/lvq8:Kinds/*/lvq4x8'
mkdir -p "$work"
: >"$steps"
failed=0

# note NAME RESULT SECONDS [REMARK]: a line of the table of checks.
note() {
  printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" >>"$steps"
  printf -- '-- %s: %s (%s s) %s\n' "$1" "$2" "$3" "${4:-}"
  [[ "$2" == passed || "$2" == missing ]] || failed=1
}

# step NAME LIMIT COMMAND...: runs it for LIMIT seconds at most; its output goes to NAME.log.
step() {
  local name=$1 limit=$2 log=$work/${1// /-}.log start=$SECONDS status
  shift 2
  timeout "$limit" "$@" >"$log" 2>&1
  status=$?
  case $status in
    0) note "$name" passed $((SECONDS - start)) "$(grep -m 1 -oE '[0-9]+ tests? from .* ran' "$log")" ;;
    124) note "$name" "out of time" $((SECONDS - start)) "after $limit s; see ${log#"$PWD"/}" ;;
    *) note "$name" "FAILED ($status)" $((SECONDS - start)) "$(tail -n 1 "$log" | tr '\t|' '  ' | cut -c 1-160)" ;;
  esac
  return "$status"
}

# build: what was not brought along, as far as it can be built here.
build() {
  local cuda=OFF tests=OFF module=OFF targets=()
  if [[ -z "${VECINAL_CUDA_LIBRARY:-}" ]]; then
    if find_nvcc; then cuda=ON; else note library missing 0 "no nvcc in CUDACXX, PATH or CUDA_HOME"; fi
  fi
  [[ -n "${VECINAL_CUDA_TESTS:-}" ]] || tests=ON
  if ! "$python" -c 'import vecinal' 2>/dev/null; then
    if "$python" -c 'import pybind11, numpy'; then module=ON; else note module missing 0 "no pybind11 or no numpy"; fi
  fi
  [[ "$cuda$tests$module" == *ON* ]] || return 0
  local configure=(cmake --preset release -B "$work" -DVECINAL_CLI=OFF -DVECINAL_EXAMPLES=OFF -DVECINAL_WERROR=OFF
    "-DVECINAL_CUDA=$cuda" "-DVECINAL_PYTHON=$module" "-DPython_EXECUTABLE=$(command -v "$python")")
  if [[ $tests == ON ]] && ! timeout 60 "${configure[@]}" -DVECINAL_TESTS=ON >"$work/configure-tests.log" 2>&1; then
    tests=OFF
  fi
  step configure 60 "${configure[@]}" "-DVECINAL_TESTS=$tests" || return
  [[ $cuda == OFF ]] || targets+=(vecinal_cuda)
  [[ $module == OFF ]] || targets+=(_core)
  if [[ $tests == ON ]] && cmake --build "$work" --target help | grep '^vecinal_cuda_tests:' >/dev/null; then
    targets+=(vecinal_cuda_tests)
  fi
  [[ ${#targets[@]} == 0 ]] || step build 300 cmake --build "$work" -j "$(nproc)" --target "${targets[@]}" -- -k 0
  [[ $cuda == OFF || ! -e "$work/lib/libvecinal_cuda.so" ]] || export VECINAL_CUDA_LIBRARY=$work/lib/libvecinal_cuda.so
  [[ $tests == OFF ]] || VECINAL_CUDA_TESTS=$work/tests/cuda/vecinal_cuda_tests
  [[ $module == OFF ]] || assemble
}

# assemble: the Python package as it is installed, sources and module side by side.
assemble() {
  local site=$work/site/vecinal
  rm -rf "$site"
  mkdir -p "$site"
  cp python/vecinal/* "$site" 2>/dev/null
  cp "$work"/python/_core*.so "$site" && export PYTHONPATH=$work/site${PYTHONPATH:+:$PYTHONPATH}
}

parity() {
  if [[ ! -x "${VECINAL_CUDA_TESTS:-}" ]]; then
    note parity missing 0 "no vecinal_cuda_tests: it needs GoogleTest and Boost.Context to build"
    return
  fi
  # Two tests take away the memory or the device, which only the emulation lets them.
  step parity 90 "$VECINAL_CUDA_TESTS" --gtest_brief=1
  local tool
  for tool in memcheck racecheck synccheck initcheck; do
    if ! command -v compute-sanitizer >/dev/null; then
      note "$tool" missing 0 "no compute-sanitizer"
      continue
    fi
    step "$tool" 45 compute-sanitizer --tool "$tool" --error-exitcode 9 \
      "$VECINAL_CUDA_TESTS" --gtest_brief=1 --gtest_filter="$few_tests"
  done
}

# ceilings: makes ceilings.json.
ceilings() {
  local source=benchmarks/cuda/ceilings.cu program=$work/ceilings
  if ! find_nvcc; then
    note ceilings missing 0 "no nvcc: no share of a roofline is given"
    return
  fi
  "$CUDACXX" -std=c++20 -O3 -arch=native "$source" -lcublas -o "$program" 2>"$work/ceilings-build.log" ||
    step "ceilings without cuBLAS" 60 "$CUDACXX" -std=c++20 -O3 -arch=native -DVECINAL_WITHOUT_CUBLAS "$source" \
      -o "$program" || return
  step ceilings 60 "$program" && cp "$work/ceilings.log" "$work/ceilings.json"
}

rm -f "$work/ceilings.json"
build
parity
ceilings
if ! "$python" -c 'import vecinal' 2>/dev/null; then
  note measure missing 0 "$python imports no vecinal: see the steps above"
  cat "$steps"
  exit 1
fi
left=$((seconds - SECONDS))
((left > 30)) || left=30
options=(--steps "$steps" --out "$work" --seconds $((left - 90)))
[[ ! -e "$work/ceilings.json" ]] || options+=(--ceilings "$work/ceilings.json")
timeout "$left" "$python" benchmarks/cuda/measure.py "${options[@]}" "$@"
case $? in
  0) ;;
  124) echo "out of time: the report has the parts that ended" && cat "$work/report.md" ;;
  *) failed=1 ;;
esac
exit "$failed"
