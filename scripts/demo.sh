#!/usr/bin/env bash
# A dictionary searched by meaning: scripts/demo.sh ["a phrase" ...]
#
# Installs what is missing (apt, and pip inside build/), builds vecinal, and runs examples/dictionary.py.
# Vectors and index are kept in build/demo, so a second run answers at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

venv=build/demo-venv
stamp=$venv/installed
sources=(include src python cmake CMakeLists.txt pyproject.toml)
if [[ ! -e $stamp || -n "$(find "${sources[@]}" -newer $stamp -print -quit)" ]]; then
  need wordnet-base
  need_venv "$venv"
  echo "building vecinal"
  "$venv/bin/pip" install --quiet . wordllama </dev/null
  rm -f build/demo/dictionary.vcn
  touch "$stamp"
fi
exec "$venv/bin/python" examples/dictionary.py --cache build/demo "$@"
