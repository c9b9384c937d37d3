#!/usr/bin/env bash
# Formats the C++ sources with clang-format 14, or says which are not formatted: scripts/format.sh [--check]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=(-i)
if [[ "${1:-}" == --check ]]; then mode=(--dry-run -Werror); fi
find include src cuda python tests benchmarks examples \( -name '*.?pp' -o -name '*.cu' \) -print0 | xargs -0 clang-format-14 "${mode[@]}"
