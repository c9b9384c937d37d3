"""What every check shares: the files of the project, and a report that names file and line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CPP = (".hpp", ".cpp", ".cu", ".cuh")
FOLDERS = ("include", "src", "cuda", "python", "tests", "benchmarks", "examples", "scripts")


def files(root: Path, *suffixes: str, folders: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    """The files under the folders of root that end in one of the suffixes, in order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path


def without_comments(text: str) -> str:
    """C++ text with comments, strings and character constants blanked; line numbers stay."""
    token = re.compile(
        r"//[^\n]*|/\*.*?\*/|R\"(\w*)\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\"|(?<![\w])'(?:\\.|[^'\\\n])+'", re.DOTALL
    )
    return token.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def report(faults: list[str]) -> None:
    """Prints the faults and ends the program: 1 if there are any."""
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)
