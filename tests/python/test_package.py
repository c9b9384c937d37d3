"""The package itself: versions, what importing it costs, what it says of itself, its examples."""

from __future__ import annotations

import doctest
import importlib.metadata
import os
import subprocess
import sys

import numpy as np
import pytest

import vecinal
from vecinal import _index, _open


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_one_version():
    assert (
        importlib.metadata.version("vecinal")
        == vecinal.__version__
        == vecinal.show_config()["version"]
    )


def test_numpy_alone_is_imported():
    code = (
        "import numpy, sys; old = set(sys.modules); import vecinal; print(*set(sys.modules) - old)"
    )
    outside = {name for name in run_python(code).stdout.split() if not name.startswith("vecinal")}
    heavy = {
        "tqdm",
        "torch",
        "scipy",
        "pandas",
        "ml_dtypes",
        "inspect",
        "difflib",
        "multiprocessing",
    }
    assert not heavy & outside and len(outside) < 20, outside


def test_importing_chooses_no_instruction_set():
    assert run_python("import vecinal", VECINAL_SIMD="nonsense").returncode == 0
    wrong = run_python("import vecinal; vecinal.show_config()", VECINAL_SIMD="nonsense")
    assert wrong.returncode == 1 and "ValueError" in wrong.stderr and "nonsense" in wrong.stderr


def test_show_config():
    config = vecinal.show_config()
    assert list(config) == ["version", "simd", "simd_supported", "threads", "compiler", "cuda", "numpy"]
    assert config["simd"] in config["simd_supported"] and "scalar" in config["simd_supported"]
    assert config["threads"] >= 1 and config["numpy"] == np.__version__
    lines = str(config).splitlines()
    assert len(lines) == 7 and lines[0].split() == ["version", vecinal.__version__]


@pytest.mark.parametrize("level", vecinal.show_config()["simd_supported"])
def test_every_instruction_set_finds_the_same(level):
    code = """
import numpy as np, vecinal
rng = np.random.default_rng(0)
rows = rng.integers(-50, 50, (500, 37))
index = vecinal.Index(37)
index.add(rows)
hits = index.search(rng.integers(-50, 50, (20, 37)), k=5, exact=True)
print(vecinal.show_config()["simd"], hits.ids.tolist(), hits.distances.tolist())
"""
    chosen, plain = (
        run_python(code, VECINAL_SIMD=name).stdout.split(maxsplit=1) for name in (level, "scalar")
    )
    assert chosen == [level, plain[1]]


@pytest.mark.parametrize("module", [vecinal, _index, _open], ids=lambda module: module.__name__)
def test_examples_in_the_documentation(module):
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0


def test_everything_public_is_documented():
    for name in vecinal.__all__:
        thing = getattr(vecinal, name)
        assert name == "__version__" or thing.__doc__
    for name in dir(vecinal.Index):
        assert name.startswith("_") or getattr(vecinal.Index, name).__doc__, name
