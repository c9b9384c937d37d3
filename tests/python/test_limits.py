"""Timeouts of searches, and limits of memory."""

from __future__ import annotations

import math
import pickle
import time

import numpy as np
import pytest

import vecinal

DIM = 8


@pytest.fixture
def index(rng):
    made = vecinal.Index(DIM)
    made.add(rng.standard_normal((500, DIM)))
    return made


def test_a_timeout_marks_what_it_cut_short(index):
    queries = np.zeros((4, DIM))
    assert index.search(queries).complete.tolist() == [True] * 4
    assert index.search(queries, timeout=1000).complete.all()
    hits = index.search(queries, timeout=0)
    assert hits.complete.dtype == bool and hits.complete.tolist() == [False] * 4
    assert hits.ids.shape == (4, 10)
    assert not pickle.loads(pickle.dumps(hits)).complete.any()
    assert not index.search(np.zeros(DIM), timeout=0).complete


def test_a_timeout_counts_from_the_call(index):
    slept = []

    def slow(id):
        if not slept:
            slept.append(time.sleep(0.01))
        return True

    assert not index.search(np.zeros(DIM), filter=slow, timeout=0.002).complete


def test_timeouts_without_end_or_sense(index):
    assert index.search(np.zeros(DIM), timeout=math.inf).complete
    for wrong in (-1, math.nan):
        with pytest.raises(ValueError, match="timeout"):
            index.search(np.zeros(DIM), timeout=wrong)
    with pytest.raises(TypeError):
        index.search(np.zeros(DIM), timeout="soon")


def test_a_memory_limit_refuses_and_leaves_the_index_as_it_was(rng):
    index = vecinal.Index(DIM, memory_limit=1 << 20)
    index.add(rng.standard_normal((100, DIM)))
    before = bytes(index)
    with pytest.raises(vecinal.MemoryLimit, match="bytes, its memory_limit is 1048576") as raised:
        index.add(rng.standard_normal((100_000, DIM)))
    assert isinstance(raised.value, MemoryError) and bytes(index) == before
    assert len(index.add(rng.standard_normal((10, DIM)))) == 10
