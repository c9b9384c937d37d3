"""Every header compiles alone, and twice: check_headers.py COMPILER BUILD [HEADER ...]

Without names: all of include/ and src/. Those that a source includes before all else have been
compiled alone by the build, and need `#pragma once` only.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sources import ROOT, files, report

# Headers that only make sense with the instruction set they are written in.
ISA_FLAGS = {
    "vec_x86.hpp": ("x86_64", ["-mavx2"]),
    "vec_avx2.hpp": ("x86_64", ["-mavx2", "-mfma", "-mf16c"]),
    "vec_avx512.hpp": ("x86_64", ["-mavx2", "-mfma", "-mf16c", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]),
    "split_steps.hpp": ("x86_64", ["-mavx2", "-mfma", "-mf16c", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl",
                                   "-mavx512vnni", "-DVECINAL_ISA_avx512_vnni"]),
    "vec_neon.hpp": ("aarch64", []),
}


def search_paths(build: Path) -> list[str]:
    """The -I and -isystem options that the build uses."""
    found: dict[str, None] = {}
    for command in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        words = shlex.split(command["command"])
        for word, following in zip(words, words[1:] + [""]):
            if word.startswith("-I"):
                found[word] = None
            elif word == "-isystem":
                found[f"-isystem{following}"] = None
    return list(found)


def fault_of(header: Path, compiler: str, options: list[str]) -> str | None:
    """The compiler's first words on a header that does not compile alone."""
    machine, isa = ISA_FLAGS.get(header.name, (platform.machine(), []))
    if machine != platform.machine():
        return None
    twice = f'#include "{header}"\n' * 2
    command = [compiler, "-std=c++20", "-fsyntax-only", "-x", "c++", "-", *options, *isa]
    done = subprocess.run(command, input=twice, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    return f"{header}: does not compile alone: {(errors or [done.stderr])[0]}"


def compiled_alone() -> set[Path]:
    """The headers that are the first thing a source of the library includes."""
    found = set()
    for source in files(ROOT, ".cpp", folders=("src",)):
        first = re.search(r'^#include +(["<].*)', source.read_text(encoding="utf-8"), re.MULTILINE)
        if first and first[1].startswith('"'):
            places = [ROOT / folder / first[1].strip('"') for folder in ("src", "include")]
            found.update(place for place in places if place.exists())
    return found


def check(headers: list[Path], compiler: str, options: list[str]) -> list[str]:
    """One line a header that needs another to go before it."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda header: fault_of(header, compiler, options), headers)
        return [fault for fault in found if fault]


if __name__ == "__main__":
    asked = [Path(name).resolve() for name in sys.argv[3:]]
    faults = []
    if not asked:
        proven = compiled_alone()
        asked = sorted(set(files(ROOT, ".hpp", folders=("include", "src"))) - proven)
        faults = [f"{header}: no #pragma once" for header in sorted(proven)
                  if "#pragma once" not in header.read_text(encoding="utf-8")]
    report(faults + check(asked, sys.argv[1], search_paths(Path(sys.argv[2]))))
