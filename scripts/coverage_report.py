"""The shares of lines and branches that tests ran, of what `llvm-cov export` tells: by room of src/, and of each
file that keeps things; and there each branch that was never taken: coverage_report.py EXPORT

A branch is one way out of a condition of the source, of each operand of && and ||; what the compiler adds for
exceptions is none, nor is a switch that meets none of its cases (-Wswitch sees that there is one for each
enumerator). Code made from a template counts once.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePath

SOURCES = Path(__file__).resolve().parents[1] / "src"

# Code of files, logs, ids and loading, all of whose branches tests shall take: what makes system calls on files,
# what reads bytes that may be anyone's, and what checks them once they are read.
KEPT = [
    "core/check_room.hpp",
    "core/file_io.cpp",
    "core/file_io.hpp",
    "core/id_map.hpp",
    "core/log_file.cpp",
    "core/log_file.hpp",
    "core/raw_bytes.hpp",
    "core/section_file.cpp",
    "core/section_file.hpp",
    "graph/check.cpp",
    "index/array_reader.hpp",
    "index/contents.cpp",
    "index/factory.cpp",
    "index/index_file.cpp",
    "index/index_file.hpp",
    "index/label_column.cpp",
    "index/label_column.hpp",
    "index/log_record.cpp",
    "index/multi_file.cpp",
    "index/open_index.cpp",
    "index/open_index.hpp",
    "index/slot_check.cpp",
    "index/tuned_rows.cpp",
    "multivector/token_rows.cpp",
]

Place = tuple[int, int, int, int]


class Measured:
    """One file: lines and branches, there and run."""

    def __init__(self, file: dict) -> None:
        self.name = Path(file["filename"]).resolve().relative_to(SOURCES).as_posix()
        self.lines = file["summary"]["lines"]
        self.text = (SOURCES / self.name).read_text(encoding="utf-8").splitlines()
        self.conditions: dict[Place, list[int]] = {}  # how often each was true and false
        for *place, was_true, was_false, _, _, _ in file["branches"]:
            line, column, _, _ = place
            if self.text[line - 1][: column - 1].endswith("switch ("):
                continue
            counts = self.conditions.setdefault(tuple(place), [0, 0])
            counts[0] += was_true
            counts[1] += was_false

    @property
    def shares(self) -> list[int]:
        """Lines run, lines, branches taken, branches."""
        taken = sum((a > 0) + (b > 0) for a, b in self.conditions.values())
        return [self.lines["covered"], self.lines["count"], taken, 2 * len(self.conditions)]

    def never(self) -> Iterable[str]:
        """Each way out of a condition that was not taken."""
        for (line, column, last, end), counts in sorted(self.conditions.items()):
            condition = self.text[line - 1][column - 1 : end - 1 if last == line else None]
            for way, count in zip(("true", "false"), counts):
                if count == 0:
                    yield f"{self.name}:{line}: never {way}: {condition}"


def row(name: str, files: Iterable[Measured]) -> str:
    run, lines, taken, branches = map(sum, zip(*(file.shares for file in files)))

    def share(part: int, whole: int) -> str:
        return f"{part:6d} of {whole:6d} {100 * part / whole:6.2f} %" if whole else f"{'none':>25}"

    return f"{name:28}{share(run, lines)}   {share(taken, branches)}"


def main(export: str) -> None:
    with open(export, encoding="utf-8") as text:
        files = [Measured(file) for file in json.load(text)["data"][0]["files"]]
    rooms = defaultdict(list)
    for file in files:
        rooms[PurePath(file.name).parts[0]].append(file)
    kept = [file for file in files if file.name in KEPT]
    print(f"{'':28}{'lines':>25}   {'branches':>25}")
    for room, its in sorted(rooms.items()):
        print(row(room, its))
    print(row("src", files))
    print()
    for file in kept:
        print(row(file.name, [file]))
    print(row("files, logs, ids, loading", kept))
    for file in kept:
        for branch in file.never():
            print(branch)


if __name__ == "__main__":
    main(sys.argv[1])
