"""Calls let other Python threads run, and searches run beside a change."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import warnings

import numpy as np
import pytest

import vecinal

DIM = 32


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).standard_normal((40_000, DIM)).astype(np.float32)


def run_all(targets, seconds=60):
    """Run the targets in threads of their own; fail if one raises or does not end."""
    errors = []

    def guarded(target):
        try:
            target()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(target,), daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    assert not errors, errors


# The index of the test holds floats, which have nothing to learn.
def train_codes(rows):
    index = vecinal.Index(5 * DIM, encoding="lvq4", reduce="pca", graph=None, threads=1)
    for _ in range(3):
        index.train(rows.reshape(-1, 5 * DIM))


def retrain_codes(rows):
    index = vecinal.Index(DIM, encoding="lvq4", graph=None, threads=1)
    index.add(rows)
    for _ in range(5):
        index.retrain()


LONG_CALLS = {
    "add": lambda index, rows: index.add(rows[5000:7000]),
    "search": lambda index, rows: index.search(rows[:6000], k=50, beam=200),
    "exact search": lambda index, rows: index.search(rows[:20_000], exact=True),
    "fit_queries": lambda index, rows: index.fit_queries(rows[5000:6000]),
    "refine": lambda index, rows: index.refine(),
    "tune": lambda index, rows: index.tune(rows[:1000], recall=0.99),
    "train": lambda index, rows: train_codes(rows),
    "retrain": lambda index, rows: retrain_codes(rows),
    "bytes and load": lambda index, rows: [vecinal.load(bytes(index)) for _ in range(30)],
}


@pytest.mark.parametrize("name", LONG_CALLS)
def test_the_interpreter_lock_is_released(name, rows):
    index = vecinal.Index(DIM, threads=1)
    index.add(rows[:5000])
    started, ended = threading.Event(), threading.Event()
    seconds, gaps = [], []

    def long_call():
        started.set()
        start = time.perf_counter()
        LONG_CALLS[name](index, rows)
        seconds.append(time.perf_counter() - start)
        ended.set()

    def tick():
        started.wait()
        last = time.perf_counter()
        while not ended.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    run_all([long_call, tick])
    assert len(gaps) > 3, f"the other thread ran {len(gaps)} times in {seconds[0]:.3f} s"
    assert max(gaps) < seconds[0] / 2 + 0.05


def test_searches_beside_changes(rows):
    """No deadlock, no crash, and no search that sees half an add."""
    index = vecinal.Index(DIM, build_beam=50)
    index.add(rows[:1000])
    sizes = {1000 + 300 * added - 50 * removed for added in range(9) for removed in range(9)}
    ended = threading.Event()

    def change():
        try:
            for step in range(8):
                first = 1000 + 300 * step
                index.add(rows[first : first + 300], progress=lambda done, total: len(index) > 0)
                index.remove(range(100 * step, 100 * step + 50))
        finally:
            ended.set()

    def search():
        while not ended.is_set():
            hits = index.search(rows[:20], k=5, threads=1)
            assert (hits.counts == 5).all() and (hits.ids >= 0).all()
            assert len(index) in sizes

    def look():
        while not ended.is_set():
            assert 999 in index and index[999].shape == (DIM,)
            assert index.search(rows[0], filter=lambda id: id == 999).ids[0] == 999
            index.stats(), repr(index), index.ids, bytes(index), index.beam, index.config

    run_all([change, search, search, look])
    assert len(index) == 1000 + 8 * 250 and index.check() == []


def test_searches_beside_retraining(rows):
    index = vecinal.Index(DIM, encoding="lvq4x8", reduce="pca", reduced_dim=20, build_beam=50)
    index.add(rows[:3000])
    ended = threading.Event()

    def retrain():
        try:
            for _ in range(10):
                index.retrain()
        finally:
            ended.set()

    def search():
        while not ended.is_set():
            hits = index.search(rows[:20], k=5, beam=50, rerank=100, threads=1)
            assert (hits.counts == 5).all() and (hits.ids[:, 0] == np.arange(20)).mean() > 0.8
            assert index[7].shape == (DIM,)

    run_all([retrain, search, search])
    assert index.ids.tolist() == list(range(3000)) and index.check() == []


def test_changes_of_several_threads_queue(rows):
    index = vecinal.Index(DIM, build_beam=20)

    def add(part):
        for step in range(5):
            start = part * 500 + step * 100
            index.add(rows[start : start + 100], range(start, start + 100))

    run_all([lambda part=part: add(part) for part in range(4)])
    assert sorted(index.ids.tolist()) == list(range(2000)) and index.check() == []
    for id in (0, 777, 1999):
        np.testing.assert_array_equal(index[id], rows[id])


def test_indexes_come_and_go_in_several_threads(rows):
    index = vecinal.Index(DIM)
    index.add(rows[:500])

    def work():
        for _ in range(20):
            other = vecinal.load(bytes(index))
            hits = other.search(rows[:10])
            del other
            assert (hits.ids >= 0).all()

    run_all([work, work])


def search_in_child(index, query, queue):
    queue.put(index.search(query, k=3, threads=4).ids.tolist())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_can_search(rows):
    index = vecinal.Index(DIM)
    index.add(rows[:2000])
    expected = index.search(rows[:50], k=3, threads=4).ids.tolist()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with warnings.catch_warnings():
        # Python warns of a fork beside threads: ours wait for work, and the child starts its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = context.Process(target=search_in_child, args=(index, rows[:50], queue))
        child.start()
    assert queue.get(timeout=30) == expected
    child.join(30)
    assert child.exitcode == 0
