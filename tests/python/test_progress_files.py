"""Progress and cancelling of `train`, `save`, `load`, `open`, `check` and `compact`."""

from __future__ import annotations

import numpy as np
import pytest

import vecinal

ROWS = np.random.default_rng(2).standard_normal((400, 12)).astype(np.float32)
SETS = ROWS.reshape(80, 5, 12)


class Stop(Exception):
    """Raised by callbacks of these tests."""


def filled(**config):
    index = vecinal.Index(12, degree=8, build_beam=20, **config)
    index.add(SETS if config.get("metric") == "chamfer" else ROWS)
    index.remove([3, 4])
    return index


MAKES = {
    "plain": {},
    "flat": {"graph": None, "encoding": "lvq8"},
    "reduced": {"encoding": "lvq4", "keep": "f16", "reduce": "pca"},
    "sets": {"metric": "chamfer", "encoding": "lvq8"},
}


@pytest.fixture(params=MAKES)
def call(request, tmp_path):
    """(call(progress), what it must not change, the total it reports), of each call and make."""
    index = filled(**MAKES[request.param])
    path = tmp_path / "a.vcn"
    index.save(path)
    size = path.stat().st_size
    stats = index.stats()
    compacted = filled(**MAKES[request.param])
    compacted.compact()

    def state():
        return bytes(index), path.read_bytes(), [file.name for file in tmp_path.iterdir()]

    return {
        "save": (lambda progress: index.save(path, progress=progress), state, size),
        "save a copy": (
            lambda progress: index.save(tmp_path / "b.vcn", progress=progress),
            state,
            size,
        ),
        "load": (lambda progress: vecinal.load(path, progress=progress), state, size),
        "map": (lambda progress: vecinal.load(path, mmap=True, progress=progress), state, size),
        "load bytes": (
            lambda progress: vecinal.load(bytes(index), progress=progress),
            state,
            size,
        ),
        "check": (
            lambda progress: index.check(progress=progress),
            state,
            stats["size"] + stats["removed"],
        ),
        "compact": (
            lambda progress: compacted.compact(progress=progress),
            lambda: bytes(compacted),
            stats["size"],
        ),
    }


CALLS = ["save", "save a copy", "load", "map", "load bytes", "check", "compact"]


@pytest.mark.parametrize("name", CALLS)
def test_progress_is_told_in_order(name, call):
    run, _, total = call[name]
    told = []
    run(lambda *report: told.append(report))
    dones, totals = zip(*told)
    assert len(told) > 1 and set(totals) == {total} == {dones[-1]}
    assert list(dones) == sorted(dones) and all(type(value) is int for value in dones)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_stopped_changes_nothing(name, call):
    run, state, _ = call[name]
    before = state()

    def fail(done, total):
        raise Stop(total)

    with pytest.raises(vecinal.Cancelled):
        run(lambda done, total: False)
    assert state() == before
    with pytest.raises(Stop):
        run(fail)
    assert state() == before
    run(None)
    run(False)


@pytest.mark.parametrize("name", CALLS)
def test_true_shows_a_bar(name, call, capsys):
    run, _, _ = call[name]
    run(True)
    assert name.split()[0].replace("map", "load") in capsys.readouterr().err


@pytest.mark.parametrize("name", CALLS)
def test_other_values_are_refused(name, call):
    with pytest.raises(TypeError, match="progress must be a callable"):
        call[name][0](7)


@pytest.mark.parametrize("make", ["flat", "reduced", "sets"])
def test_a_cancelled_training_learns_nothing(make):
    sample = SETS if make == "sets" else ROWS
    index = vecinal.Index(12, **MAKES[make])
    before, told = bytes(index), []
    with pytest.raises(vecinal.Cancelled):
        index.train(sample, progress=lambda done, total: False)
    assert bytes(index) == before and not index.stats()["trained"]
    index.train(sample, progress=lambda *report: told.append(report))
    assert len(told) > 1 and told[0] == (0, len(sample)) and told[-1] == (len(sample),) * 2
    twin = vecinal.Index(12, **MAKES[make])
    twin.train(sample)
    assert bytes(index) == bytes(twin)


def test_a_cancelled_checkpoint_leaves_file_and_log(tmp_path):
    files = tmp_path / "a.vcn", tmp_path / "a.vcn.log"
    with vecinal.open(files[0], 12) as index:
        index.add(ROWS)
        before = [file.read_bytes() for file in files]
        with pytest.raises(vecinal.Cancelled):
            index.save(progress=lambda done, total: False)
        with pytest.raises(vecinal.Cancelled):
            index.save(files[0], progress=lambda done, total: False)
        assert [file.read_bytes() for file in files] == before
        told = []
        index.save(progress=lambda *report: told.append(report))
        assert told[-1] == (files[0].stat().st_size,) * 2 and index.log["records"] == 0


def test_opening_tells_of_file_and_log(tmp_path):
    with vecinal.open(tmp_path / "a.vcn", 12) as index:
        index.add(ROWS)
    total = sum(file.stat().st_size for file in tmp_path.iterdir())
    told = []
    with vecinal.open(tmp_path / "a.vcn", progress=lambda *report: told.append(report)):
        assert told[-1] == (total, total) and told == sorted(told)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(vecinal.Cancelled):
        vecinal.open(tmp_path / "a.vcn", progress=lambda done, total: False)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
