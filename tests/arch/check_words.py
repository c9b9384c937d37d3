"""What no source may say: the library never prints, aborts or exits, and no build is for this CPU alone."""

from __future__ import annotations

import re
from pathlib import Path

from sources import CPP, ROOT, files, report, without_comments

LIBRARY = re.compile(
    r"\bstd::(cout|cerr|clog)\b"
    r"|\b(printf|fprintf|puts|putchar|perror)\s*\("
    r"|\b(abort|exit|_Exit|quick_exit|terminate)\s*\("
)
NATIVE = re.compile(r"-m(arch|cpu|tune)=native")
BUILD_FILES = ("CMakeLists.txt", "CMakePresets.json", "pyproject.toml")


def matches(file: Path, root: Path, text: str, rule: re.Pattern[str], reason: str) -> list[str]:
    """One line a match: file:line: word: reason."""
    place = file.relative_to(root)
    return [
        f"{place}:{text.count(chr(10), 0, match.start()) + 1}: {match[0].strip()}: {reason}"
        for match in rule.finditer(text)
    ]


def check(root: Path) -> list[str]:
    """One line a forbidden word."""
    faults = []
    for file in files(root, *CPP, folders=("include", "src", "cuda")):
        if file.is_relative_to(root / "src/cli"):
            continue
        text = without_comments(file.read_text(encoding="utf-8"))
        faults += matches(file, root, text, LIBRARY, "the library never prints, aborts or exits")
    built = [root / name for name in BUILD_FILES if (root / name).is_file()]
    built += files(root, ".txt", ".cmake", ".sh", folders=("cmake", "src", "python", "tests", "benchmarks", "scripts"))
    for file in built:
        text = file.read_text(encoding="utf-8")
        faults += matches(file, root, text, NATIVE, "instruction sets are chosen at run time")
    return faults


if __name__ == "__main__":
    report(check(ROOT))
