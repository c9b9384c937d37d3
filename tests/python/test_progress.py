"""Progress, cancelling and Ctrl-C: a call that is stopped leaves the index as it was."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import vecinal

DIM = 64


class Stop(Exception):
    """Raised by a callback or a signal handler of these tests."""


@pytest.fixture(scope="module")
def many():
    """Rows enough to keep one thread busy for seconds."""
    return np.random.default_rng(0).standard_normal((60_000, DIM)).astype(np.float32)


def small_index(rows, **config):
    index = vecinal.Index(DIM, threads=1, build_beam=300, **config)
    index.add(rows[:500])
    index.remove([3, 4])
    return index


FLAT_CODES = {"graph": None, "encoding": "lvq4", "quantizer": "rotated_fitted", "keep": "f32"}

# name -> (config of the index, how many rows it gets, the call)
LONG_CALLS = {
    "add": ({}, 500, lambda index, rows, **options: index.add(rows, **options)),
    "search": (
        {},
        500,
        lambda index, rows, **options: index.search(rows, k=100, beam=500, **options),
    ),
    "exact search": (
        {"graph": None},
        30_000,
        lambda index, rows, **options: index.search(rows, exact=True, **options),
    ),
    "fit_queries": (
        {},
        2000,
        lambda index, rows, **options: index.fit_queries(rows[:20_000], **options),
    ),
    "tune": ({}, 2000, lambda index, rows, **options: index.tune(rows[:20_000], **options)),
    "refine": ({}, 8000, lambda index, rows, **options: index.refine(**options)),
    "retrain": (FLAT_CODES, 600_000, lambda index, rows, **options: index.retrain(**options)),
}


@pytest.fixture(params=LONG_CALLS)
def long_call(request, many):
    """(index, call): the call takes half a second or more."""
    config, size, call = LONG_CALLS[request.param]
    index = small_index(many, **config)
    index.add(np.resize(many, (size - 500, DIM)))
    return index, functools.partial(call, index, many)


def assert_unharmed(index, before, rows):
    """The index is as before, byte for byte, and answers and grows as one never disturbed."""
    assert bytes(index) == before and index.check() == []
    twin = vecinal.load(before, threads=1)
    np.testing.assert_array_equal(index.search(rows[:5]).ids, twin.search(rows[:5]).ids)
    np.testing.assert_array_equal(index.add(rows[1000:1020]), twin.add(rows[1000:1020]))
    assert bytes(index) == bytes(twin)


def test_progress_is_reported_in_order_and_rarely(many):
    index, reports = small_index(many), []

    def progress(done, total):
        reports.append((time.perf_counter(), done, total))

    for call, size in (
        (lambda: index.add(many[500:3500], progress=progress), 3000),
        (lambda: index.search(many[:4000], beam=200, progress=progress), 4000),
        (lambda: index.search(many[:20_000], exact=True, progress=progress), 20_000),
    ):
        reports.clear()
        call()
        times, dones, totals = zip(*reports)
        assert len(reports) > 1 and set(totals) == {size} == {dones[-1]}
        assert list(dones) == sorted(dones) and all(type(value) is int for value in dones)
        assert min(np.diff(times[:-1]), default=1) > 0.045


@pytest.mark.parametrize("answer", [False, np.False_, 0])
def test_false_cancels(answer, long_call, many):
    index, call = long_call
    before, calls = bytes(index), []

    def progress(done, total):
        calls.append(done)
        return answer if len(calls) == 2 else None

    with pytest.raises(vecinal.Cancelled):
        call(progress=progress)
    assert len(calls) == 2
    assert_unharmed(index, before, many)


def test_what_a_callback_raises_comes_out_as_it_is(long_call, many):
    index, call = long_call
    before = bytes(index)

    def progress(done, total):
        raise Stop(done)

    with pytest.raises(Stop) as caught:
        call(progress=progress)
    assert type(caught.value.args[0]) is int
    assert_unharmed(index, before, many)


def test_true_and_none_go_on(many):
    index = small_index(many)
    for answer in (True, None, 1, "yes"):
        assert len(index.add(many[:300], progress=lambda done, total: answer)) == 300


def test_a_callback_may_read_the_index(many):
    index, seen = small_index(many), []

    def progress(done, total):
        found = index.search(many[:2], k=1).ids.ravel().tolist()
        same_row = index[7][0] == many[7, 0]
        seen.append(
            (len(index), 7 in index, 3 in index, found, same_row, index.beam, len(index.ids))
        )

    index.add(many[:2000], progress=progress)
    assert len(seen) > 1 and len(index) == 2498
    for state in seen[:-1]:
        assert state == (498, True, False, [0, 1], True, index.beam, 498)


CALLS_THAT_WAIT = {
    "add": lambda index: index.add(np.ones((1, DIM))),
    "remove": lambda index: index.remove(7),
    "train": lambda index: index.train(np.ones((1, DIM))),
    "retrain": lambda index: index.retrain(),
    "set defaults": lambda index: setattr(index, "defaults", {"rerank": 50}),
    "fit_queries": lambda index: index.fit_queries(np.ones((1, DIM))),
    "refine": lambda index: index.refine(),
    "tune": lambda index: index.tune(np.ones((1, DIM))),
    "check": lambda index: index.check(),
    "stats": lambda index: index.stats(),
    "bytes": bytes,
    "save": lambda index: index.save(os.devnull + "/a.vcn"),
}


@pytest.mark.parametrize("name", CALLS_THAT_WAIT)
def test_a_callback_that_would_wait_for_itself_is_refused(name, many):
    index = small_index(many)
    before = bytes(index)

    def callback(*_):
        CALLS_THAT_WAIT[name](index)

    with pytest.raises(RuntimeError, match="would wait"):
        index.add(many, progress=callback)
    with pytest.raises(RuntimeError, match="would wait"):
        index.search(many[0], filter=callback)
    assert bytes(index) == before


def test_a_callback_may_change_another_index(many):
    index, other = small_index(many), vecinal.Index(DIM)
    index.add(many[:2000], progress=lambda done, total: len(other.add(many[:1])) == 1)
    assert len(other) > 1


def interrupt(call, delay):
    """Send SIGINT `delay` seconds into the call; return the seconds until it raised."""
    sent = []

    def send():
        time.sleep(delay)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=send)
    with pytest.raises(Stop):
        sender.start()
        call()
    caught = time.perf_counter()
    sender.join()
    return caught - sent[0]


@pytest.fixture
def sigint_raises_stop():
    def handler(number, frame):
        raise Stop

    before = signal.signal(signal.SIGINT, handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint_raises_stop")
def test_a_signal_stops_a_call_at_any_moment(long_call, many):
    index, call = long_call
    before = bytes(index)
    threads = threading.active_count()
    delays = np.random.default_rng(4).uniform(0, 0.3, 17)
    latencies = [interrupt(call, delay) for delay in delays]
    # 0.2 s is the promise; the maximum allows for a machine that is busy with something else.
    assert np.median(latencies) < 0.2 and max(latencies) < 1.5, latencies
    assert threading.active_count() == threads
    assert_unharmed(index, before, many)


@pytest.mark.usefixtures("sigint_raises_stop")
def test_a_signal_is_noticed_beside_a_callback(many):
    index = small_index(many)
    before = bytes(index)
    interrupt(lambda: index.add(many, progress=lambda done, total: True), 0.15)
    assert_unharmed(index, before, many)


CTRL_C = """
import numpy as np, os, signal, threading, vecinal
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
rows = np.random.default_rng(0).standard_normal((60_000, 64)).astype(np.float32)
index = vecinal.Index(64, threads=1, build_beam=300)
index.add(rows[:100])
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    index.add(rows)
except KeyboardInterrupt:
    print("stopped", len(index), index.check())
"""


def test_ctrl_c_is_keyboard_interrupt():
    command = [sys.executable, "-c", CTRL_C]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "stopped 100 []\n", done.stderr


def test_true_shows_a_bar(many, capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    small_index(many).add(many[:800], progress=True)
    shown = capsys.readouterr()
    assert "add" in shown.err and "800/800" in shown.err and shown.out == ""


def test_true_shows_a_line_without_tqdm(many, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    small_index(many).search(many[:300], progress=True)
    shown = capsys.readouterr()
    assert shown.err.endswith("\rsearch: 300 of 300\n") and shown.err.count("\n") == 1
    assert shown.out == ""


def test_false_is_no_bar(many, capsys):
    small_index(many).add(many[:50], progress=False)
    assert capsys.readouterr() == ("", "")
