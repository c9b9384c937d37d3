"""The examples of the repository that need nothing but the package."""

from __future__ import annotations

import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).parents[2]


def test_passages():
    done = subprocess.run(
        [
            sys.executable,
            str(REPOSITORY / "examples" / "passages.py"),
            str(REPOSITORY / "LICENSE"),
            "--",
            "permision to use trade names",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "6. Trademarks" in done.stdout.split("a word")[1]


def test_living_index():
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / "living_index.py")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "nearest to 500.4: 500",
        "without 400 to 599: 600",
        "7 has moved: 7",
        "800 items, 0 rows waiting",
    ]
