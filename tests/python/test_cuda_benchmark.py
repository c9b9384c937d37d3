"""benchmarks/cuda/measure.py, run as it is on a card but over hundreds of rows."""

from __future__ import annotations

import importlib
import json
import pathlib
import subprocess
import sys
import types
from collections.abc import Iterator

import numpy as np
import pytest
import vecinal

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "cuda" / "measure.py"
CEILINGS = {
    "bytes_a_second": {"read": 2e12, "copy": 2e12},
    "gather_bytes_a_second": {"128": 1e12, "256": 1e12},
    "product_operations_a_second": {"bf16": 5e14},
}


def no_device() -> bool:
    try:
        vecinal.Index(4, device="cuda")
    except vecinal.CudaError:
        return True
    return False


needs_device = pytest.mark.skipif(no_device(), reason="no CUDA device")
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the benchmarks are not beside the tests")


def measure(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(SCRIPT), "--tiny", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@needs_device
def test_every_goal_has_a_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ceilings.json").write_text(json.dumps(CEILINGS))
    (tmp_path / "steps.tsv").write_text("parity\tpassed\t3\t\nracecheck\tmissing\t0\tno compute-sanitizer\n")
    done = measure("--ceilings", str(tmp_path / "ceilings.json"), "--steps", str(tmp_path / "steps.tsv"),
                   "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    lines = results["lines"]
    assert {line["goal"] for line in lines} == {f"G{number}" for number in range(1, 12)}
    assert not [name for name, why in results["missing"].items() if "FAILED" in why]
    for line in lines:
        if line["seconds"] is not None:
            assert line["seconds"] > 0
            assert line["share"] is None or line["share"] > 0
    scans = [line for line in lines if line["goal"] == "G2"]
    assert len(scans) == 8
    assert all(line["share"] for line in scans)
    assert [line["recall"] for line in lines if line["what"].startswith("exact, 400 x 40, f32, batch 8")] == [1.0]
    page = (tmp_path / "report.md").read_text()
    assert "none of these figures is one of speed" in page
    assert "| racecheck | missing | 0 | no compute-sanitizer |" in page
    assert page.strip() in done.stdout


@needs_device
def test_parts_begin_before_the_deadline_only(tmp_path: pathlib.Path) -> None:
    done = measure("--seconds", "0", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["missing"]["large_scan"] == "no time was left"
    assert results["lines"] == []


@pytest.mark.skipif(not no_device(), reason="there is a device")
def test_without_a_device_the_reason_is_given() -> None:
    done = measure()
    assert done.returncode == 1
    assert done.stderr.startswith("measure: cuda: the library libvecinal_cuda.so")


class Other:
    """A peer as the benchmark sees one: exact, by vecinal on the CPU."""

    build_seconds = 1.0

    def __init__(self, base: np.ndarray, settings: tuple[int, ...]) -> None:
        self.name = "other"
        self.settings = settings
        metric = "l2" if base.ndim == 2 else "chamfer"  # vectors, or sets of them
        self.index = vecinal.Index(base.shape[-1], metric=metric, graph=None)
        self.index.add(base)

    def call(self, queries: np.ndarray, k: int, setting: int = 0):
        if setting == FAULTY:
            raise RuntimeError("a setting that fails")
        return lambda: self.index.search(queries, k=k, exact=True).ids

    def ids(self, found: np.ndarray) -> np.ndarray:
        return found


FAULTY = 6


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """The modules of the benchmark; they are forgotten again, as their names are short."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    yield importlib.import_module("measure")
    for name in set(sys.modules) - before:
        if "benchmarks" in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def measured(measuring: types.ModuleType, monkeypatch: pytest.MonkeyPatch, *options: str):
    """The bench after the parts that are named, and how many failed."""
    monkeypatch.setattr(sys, "argv", ["measure.py", "--tiny", *options])
    given = measuring.parse()
    bench = measuring.Bench(10, measuring.sizes_of(given), measuring.Deadline(300), {}, {}, {})
    return bench, measuring.measure(bench, given)


def with_other(monkeypatch: pytest.MonkeyPatch, *settings: int) -> None:
    monkeypatch.setattr(sys.modules["peers"], "made",
                        lambda kinds, usable, base, faults: [Other(base, settings)])


@needs_device
def test_peers_are_compared_with(measuring: types.ModuleType, monkeypatch: pytest.MonkeyPatch,
                                 tmp_path: pathlib.Path) -> None:
    with_other(monkeypatch, 5)
    bench, failed = measured(measuring, monkeypatch, "--out", str(tmp_path))
    assert failed == 0, bench.missing
    compared = [line for line in bench.lines if "other" in line.ratios]
    assert {line.goal for line in compared} == {"G1", "G3", "G4", "G5", "G6", "G7", "G9"}
    for line in compared:
        assert line.ratios["other"] > 0


@needs_device
def test_a_peer_that_fails_is_named_and_left_out(measuring: types.ModuleType,
                                                 monkeypatch: pytest.MonkeyPatch,
                                                 tmp_path: pathlib.Path) -> None:
    with_other(monkeypatch, FAULTY)
    bench, failed = measured(measuring, monkeypatch, "--parts", "small_graph", "--out", str(tmp_path))
    assert failed == 0
    assert bench.missing["other"] == "RuntimeError: a setting that fails"
    assert not [line for line in bench.lines if "other" in line.ratios and line.goal != "G6"]


@needs_device
def test_wrong_answers_fail_the_run(measuring: types.ModuleType, monkeypatch: pytest.MonkeyPatch,
                                    tmp_path: pathlib.Path) -> None:
    sets = sys.modules["sets"]
    exact = sets.exact_index
    monkeypatch.setattr(sets, "exact_index", lambda dataset: exact(
        measuring.replace(dataset, base=dataset.base[::-1].copy())))
    bench, failed = measured(measuring, monkeypatch, "--parts", "large_scan", "--out", str(tmp_path))
    assert failed == 1
    assert "the exact scan on the device and numpy differ" in bench.missing["large_scan"]
