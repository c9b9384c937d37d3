#!/usr/bin/env bash
# Builds libvecinal_cuda and prints what its kernels take, a Markdown table: registers of a thread, static
# shared memory and local memory of a block, as ptxas counts them for each architecture. Fails if a kernel spills.
#
#   scripts/cuda_resources.sh [--each]
#
# A kernel that is compiled for several kinds of rows has one line with the least and the most of them;
# --each gives every one its own. Needs the CUDA Toolkit and no GPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

each=0
case ${1:-} in
  --each) each=1 ;;
  '') ;;
  *) sed -n '2,8p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
find_nvcc || { echo "cuda_resources: no nvcc: it is looked for in CUDACXX, PATH and CUDA_HOME" >&2; exit 1; }

folder=build/cuda-resources
log=$folder/build.log
mkdir -p "$folder"
{
  cmake --preset cuda -B "$folder" -DCMAKE_CUDA_FLAGS=-Xptxas=-v \
    -DVECINAL_TESTS=OFF -DVECINAL_CLI=OFF -DVECINAL_EXAMPLES=OFF &&
  cmake --build "$folder" --target vecinal_cuda --clean-first -j "${JOBS:-$(nproc)}"
} >"$log" 2>&1 || { cat "$log" >&2; exit 1; }

c++filt <"$log" | awk -v each="$each" '
  function plain(name) {  # the kernel and its kind of rows, without namespaces, parameters and result
    gsub(/vecinal::cuda::|\(anonymous namespace\)::|^void /, "", name)
    sub(/\(.*/, "", name)
    gsub(/ >/, ">", name)
    return name
  }
  function range(what, line,    key) {
    key = what SUBSEP line
    return low[key] == high[key] ? low[key] : low[key] " to " high[key]
  }
  function keep(what, value,    key) {
    key = what SUBSEP line
    if (!(key in low) || value < low[key]) low[key] = value
    if (!(key in high) || value > high[key]) high[key] = value
  }
  /Compiling entry function/ {
    split($0, quoted, "\047")
    name = plain(quoted[2])
    if (!each) sub(/<.*/, "", name)
    line = name " | " quoted[4]
    if (!(line in kinds)) order[++lines] = line
    ++kinds[line]
    full = quoted[2]
  }
  line != "" && /bytes stack frame/ {
    keep("stack", $1 + 0)
    keep("spills", $5 + $9)
    if ($5 + $9 > 0) faults = faults "spills: " full "\n"
  }
  line != "" && / Used [0-9]+ registers/ {
    match($0, /Used [0-9]+/)
    keep("registers", substr($0, RSTART + 5, RLENGTH - 5) + 0)
    keep("shared", match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH) + 0 : 0)
    line = ""
  }
  END {
    if (lines == 0) { print "cuda_resources: ptxas reported no kernel" > "/dev/stderr"; exit 1 }
    print "| kernel | compiled for | kinds | registers | shared bytes | stack bytes | spilled bytes |"
    print "|---|---|---:|---:|---:|---:|---:|"
    for (i = 1; i <= lines; ++i) {
      line = order[i]
      print "| " line " | " kinds[line] " | " range("registers", line) " | " range("shared", line) " | " \
        range("stack", line) " | " range("spills", line) " |" | "sort"
    }
    close("sort")
    if (faults != "") { printf "%s", faults > "/dev/stderr"; exit 1 }
  }'
