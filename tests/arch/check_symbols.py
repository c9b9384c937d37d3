"""The object of one instruction set offers its table and nothing that another object could share.

    check_symbols.py LEVEL OBJECT

A weak symbol (an inline function or a template of a library header) is kept once by the linker, perhaps in
its AVX-512 form, and then crashes an older CPU. So the object may define no weak symbol, and one global
function: vecinal::kernels::table_LEVEL().
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sources import report

WEAK = "vVwWu"


def symbols(object_file: Path) -> list[tuple[str, str]]:
    """(kind, demangled name) of the defined symbols that other objects see."""
    command = ["nm", "--defined-only", "--extern-only", "--demangle", str(object_file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [(kind, name) for _, kind, name in (line.split(maxsplit=2) for line in lines if line.strip())]


def check(level: str, object_file: Path) -> list[str]:
    """One line a symbol that may not be there, and one if the table is missing."""
    expected = f"vecinal::kernels::table_{level}()"
    found = symbols(object_file)
    faults = [f"{object_file}: weak symbol {name}" for kind, name in found if kind in WEAK]
    faults += [f"{object_file}: global symbol {name}" for kind, name in found if kind not in WEAK and name != expected]
    if expected not in (name for _, name in found):
        faults.append(f"{object_file}: {expected} is missing")
    return faults


if __name__ == "__main__":
    report(check(sys.argv[1], Path(sys.argv[2])))
