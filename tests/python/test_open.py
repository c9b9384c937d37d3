"""Indexes with a log: what was acknowledged is there again after a crash."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest

import vecinal

RNG = np.random.default_rng(5)
ROWS = RNG.standard_normal((60, 7)).astype(np.float32)


def changes(index):
    """Make one change after the other, and yield after each."""
    index.add(ROWS[:20], labels=np.arange(20) % 3)
    yield
    index.defaults = {"beam": 30}
    yield
    index.add(ROWS[20:25], ids=[100, 103, 101, 99, 7000])
    yield
    index.remove([3, 101])
    yield
    index.update([7, 100], ROWS[25:27])
    yield
    index.set_labels([1, 2], [[5, 6], []])
    yield
    index.fit_queries(ROWS[30:40])
    yield
    index.refine(beam=20, rounds=2)
    yield
    index.tune(ROWS[30:40], 0.9)
    yield
    index.compact()
    yield


def test_every_change_is_there_again(tmp_path):
    path = tmp_path / "a.vcn"
    config = dict(metric="cosine", encoding="lvq8", degree=8, seed=3)
    plain = vecinal.Index(7, **config)
    index = vecinal.open(path, 7, **config)
    for number, _ in enumerate(zip(changes(plain), changes(index)), 1):
        assert bytes(index) == bytes(plain)
        assert index.log["records"] >= number
        for name in ("vcn", "vcn.log"):  # what a crash would leave now
            (tmp_path / f"b.{name}").write_bytes((tmp_path / f"a.{name}").read_bytes())
        with vecinal.open(tmp_path / "b.vcn") as again:
            assert bytes(again) == bytes(plain) and again.check() == []
    index.save()
    assert index.log["records"] == 0 and index.log["torn"] == 0
    assert bytes(vecinal.load(path)) == bytes(plain)
    assert vecinal.info(path)["sections"][-1]["tag"] == "log"
    index.close()
    with vecinal.open(path, 7, **config, threads=1) as index:
        assert bytes(index) == bytes(plain)


def test_sets_too(tmp_path):
    sets = [RNG.standard_normal((2 + i % 3, 5)) for i in range(12)]
    with vecinal.open(tmp_path / "a.vcn", 5, metric="chamfer") as index:
        index.add(sets[:8])
        index.update([3], sets[8:9])
        index.remove(5)
        expected = bytes(index)
    with vecinal.open(tmp_path / "a.vcn") as index:
        assert bytes(index) == expected and len(index[3]) == 4


KILLED = """
import os, signal, sys, numpy as np, vecinal
index = vecinal.open(sys.argv[1], 7, sync=sys.argv[2] == "True")
rows = np.load(sys.argv[3])
for i in range(30):
    index.add(rows[2 * i : 2 * i + 2])
    print(i, flush=True)
    if i == 17:
        index.save()
    if i == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("last", [0, 9, 17, 28])
def test_a_killed_process_loses_nothing(sync, last, tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    arguments = [tmp_path / "a.vcn", sync, tmp_path / "rows.npy", last]
    done = subprocess.run([sys.executable, "-c", KILLED, *map(str, arguments)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    plain = vecinal.Index(7)
    for i in range(last + 1):
        plain.add(ROWS[2 * i : 2 * i + 2])
    with vecinal.open(tmp_path / "a.vcn") as index:
        assert bytes(index) == bytes(plain)


def test_one_at_a_time(tmp_path):
    with vecinal.open(tmp_path / "a.vcn", 7) as index:
        with pytest.raises(BlockingIOError) as raised:
            vecinal.open(tmp_path / "a.vcn")
        assert raised.value.filename == str(tmp_path / "a.vcn.log")
        index.add(ROWS)
    assert index.search(ROWS[4], k=1).ids.tolist() == [4]
    for change in (lambda: index.add(ROWS), lambda: index.remove(1), index.save, index.flush):
        with pytest.raises(ValueError, match="closed"):
            change()
    index.close()
    index.save(tmp_path / "copy.vcn")
    assert bytes(vecinal.load(tmp_path / "copy.vcn")) == bytes(index)


def test_a_copy_is_a_plain_index(tmp_path):
    with vecinal.open(tmp_path / "a.vcn", 7) as index:
        index.add(ROWS)
        for other in (copy.deepcopy(index), pickle.loads(pickle.dumps(index))):
            assert type(other) is vecinal.Index and bytes(other) == bytes(index)


def test_what_is_wrong_is_named(tmp_path):
    path = tmp_path / "a.vcn"
    with pytest.raises(FileNotFoundError):
        vecinal.open(path)
    with pytest.raises(TypeError, match="open: unknown keyword 'ef'"):
        vecinal.open(path, 7, ef=3)
    with pytest.raises(ValueError, match="degree"):
        vecinal.open(path, 7, degree=3)
    with pytest.raises(TypeError, match="vecinal.open"):
        vecinal.LoggedIndex()
    assert not list(tmp_path.iterdir())
    with vecinal.open(path, 7, degree=8) as index:
        index.add(ROWS)
    with pytest.raises(ValueError, match="the index has degree 8, the config has 32"):
        vecinal.open(path, 7)
    with pytest.raises(vecinal.Cancelled):
        vecinal.open(path, progress=lambda done, total: False)
    with pytest.raises(ZeroDivisionError):
        vecinal.open(path, progress=lambda done, total: 1 / 0)
    log = tmp_path / "a.vcn.log"
    data = log.read_bytes()
    log.write_bytes(data[:-1])
    with vecinal.open(path) as index:
        assert len(index) == 0 and index.log["torn"] > 0
        index.add(ROWS[:3])
        index.add(ROWS[3:5])
    data = bytearray(log.read_bytes())
    data[200] ^= 1
    log.write_bytes(data)
    with pytest.raises(vecinal.FormatError, match="record 1 at byte 64 is damaged"):
        vecinal.open(path)


def test_an_error_leaves_the_index_as_it_was(tmp_path):
    with vecinal.open(tmp_path / "a.vcn", 7) as index:
        index.add(ROWS[:10])
        before, log = bytes(index), index.log
        bad = ROWS[10:20].copy()
        bad[4, 2] = np.nan
        with pytest.raises(ValueError, match="row 4"):
            index.add(bad)
        with pytest.raises(ValueError, match="99"):
            index.update([99], ROWS[:1])
        assert bytes(index) == before and index.log == log


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        vecinal.open(tmp_path / "a.vcn", 7)
