#!/usr/bin/env bash
# Sourced by the other scripts: Debian and Ubuntu packages, and Python environments, only where missing.

# has_package NAME: true if dpkg has it installed.
has_package() { [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }

# need NAME...: installs the packages that are missing.
need() {
  local missing=() name
  for name in "$@"; do has_package "$name" || missing+=("$name"); done
  ((${#missing[@]})) || return 0
  local root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "please install: ${missing[*]}" >&2; return 1; }
    root=(sudo)
  fi
  echo "installing ${missing[*]}"
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    </dev/null >/dev/null
}

# What the library, the command line program and their tests need.
need_build_tools() {
  need build-essential cmake ninja-build pkg-config python3 libeigen3-dev libxxhash-dev librandom123-dev \
    robin-map-dev libcli11-dev libfmt-dev nlohmann-json3-dev libgtest-dev libgmock-dev librapidcheck-dev libboost-context-dev strace
}

# What sanitizers, fuzz targets and coverage are built by.
need_clang() { need clang llvm; }

# need_venv FOLDER: a Python environment there, with a compiler's needs for extension modules beside it.
need_venv() {
  need build-essential cmake ninja-build libeigen3-dev libxxhash-dev librandom123-dev robin-map-dev
  if [[ ! -x "$1/bin/python" ]]; then
    command -v python3 >/dev/null || need python3
    python3 -c 'import ensurepip' 2>/dev/null || need python3-venv
    [[ -e "$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]] || need python3-dev
    python3 -m venv "$1"
  fi
}

# find_nvcc: true if there is a CUDA compiler; CMake then takes it.
find_nvcc() {
  CUDACXX=${CUDACXX:-$(command -v nvcc || command -v "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc")}
  export CUDACXX
  [[ -n "$CUDACXX" ]]
}

# Compilers run through ccache where it is installed.
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CMAKE_C_COMPILER_LAUNCHER=ccache
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
