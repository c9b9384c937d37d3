"""The types that are declared are those of the module."""

from __future__ import annotations

import difflib
import os
import pathlib
import subprocess
import sys

import pytest

import vecinal

PACKAGE = pathlib.Path(vecinal.__file__).parent
EXAMPLE = pathlib.Path(__file__).with_name("typed_example.py")


def test_stub_is_what_the_generator_writes(tmp_path):
    pytest.importorskip("pybind11_stubgen", reason="pybind11-stubgen is not installed")
    command = [
        sys.executable,
        "-m",
        "pybind11_stubgen",
        "vecinal._core",
        "--numpy-array-use-type-var",
        "--exit-code",
        "--output-dir",
        str(tmp_path),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    made = (tmp_path / "vecinal" / "_core.pyi").read_text()
    kept = (PACKAGE / "_core.pyi").read_text()
    difference = "\n".join(
        difflib.unified_diff(kept.splitlines(), made.splitlines(), "kept", "made", lineterm="")
    )
    assert not difference, f"run: {' '.join(command[1:-2])} --output-dir python\n{difference}"


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("target", [["-p", "vecinal"], [str(EXAMPLE)]], ids=["package", "example"])
def test_mypy_is_content(target, tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--cache-dir",
            str(tmp_path),
            "--warn-unused-ignores",
            *target,
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={**os.environ, "MYPY_FORCE_COLOR": "0"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
