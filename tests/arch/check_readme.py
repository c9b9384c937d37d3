"""The code of README.md is the code of examples/, and the output it shows is what the examples print.

    check_readme.py [PROGRAM ...]     runs each program and looks for its output in README.md
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from sources import ROOT, report

# Language of a README block -> the example it must equal.
EXAMPLES = {"python": "examples/search.py", "cpp": "examples/search.cpp"}
COMMANDS = ("scripts/demo.sh", "scripts/test.sh")


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of the fenced blocks."""
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def check(root: Path) -> list[str]:
    """One line a block that differs from its example, or a command that is missing."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    faults = []
    for language, example in EXAMPLES.items():
        code = (root / example).read_text(encoding="utf-8")
        shown = [block for kind, block in blocks(readme) if kind == language]
        if code not in shown:
            faults.append(f"README.md: no {language} block equals {example}")
    shell = "".join(block for kind, block in blocks(readme) if kind == "sh")
    lines = [line.split("#")[0].strip() for line in shell.splitlines()]
    faults += [f"README.md: the command {command} is missing" for command in COMMANDS if command not in lines]
    return faults


def check_output(root: Path, command: list[str]) -> list[str]:
    """One line if what the command prints is not a block of README.md."""
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    shown = [block for kind, block in blocks((root / "README.md").read_text(encoding="utf-8")) if kind in ("", "text")]
    return [] if output in shown else [f"README.md does not show what {' '.join(command)} prints:\n{output}"]


if __name__ == "__main__":
    report(check_output(ROOT, sys.argv[1:]) if sys.argv[1:] else check(ROOT))
