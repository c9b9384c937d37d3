"""Labels of items: forms they come in, and filters made of them."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import vecinal

N, DIM = 200, 4


@pytest.fixture
def index(rng):
    made = vecinal.Index(DIM)
    made.add(rng.standard_normal((N, DIM)), labels=np.arange(N) % 7)
    return made


def allowed(index, filter):
    hits = index.search(np.zeros(DIM), k=N, filter=filter)
    return sorted(hits.ids[: hits.counts].tolist())


def those(holds):
    return [i for i in range(N) if holds(i)]


def test_one_label_or_several(index):
    assert allowed(index, vecinal.label(3)) == those(lambda i: i % 7 == 3)
    assert allowed(index, vecinal.label(3, 5, 99)) == those(lambda i: i % 7 in (3, 5))
    assert allowed(index, vecinal.label()) == []
    assert index.search(np.zeros(DIM), filter=vecinal.label(3)).stats["allowed"] == 29


def test_filters_go_together(index):
    mask = np.arange(N) < 100
    three = vecinal.label(3)
    assert allowed(index, three & mask) == those(lambda i: i % 7 == 3 and i < 100)
    assert allowed(index, mask & three) == those(lambda i: i % 7 == 3 and i < 100)
    assert allowed(index, three | [0, 1]) == those(lambda i: i % 7 == 3 or i < 2)
    assert allowed(index, np.array([0, 1]) | three) == those(lambda i: i % 7 == 3 or i < 2)
    assert allowed(index, ~three) == those(lambda i: i % 7 != 3)
    assert allowed(index, ~vecinal.Bitmap.from_mask(mask)) == those(lambda i: i >= 100)
    assert allowed(index, ~(three | vecinal.label(4)) & (lambda id: id % 2 == 0)) == those(
        lambda i: i % 7 not in (3, 4) and i % 2 == 0
    )
    assert "not" in repr(~three) and repr(three) == "vecinal.label([3])"


@pytest.mark.parametrize("many", [[[1, 2], [2], [], (3, 1)], [np.array([2, 1]), [2], [], {1, 3}]])
def test_any_number_of_labels(many):
    index = vecinal.Index(DIM)
    index.add(np.eye(4), labels=many)
    assert [index.labels(i).tolist() for i in range(4)] == [[1, 2], [2], [], [1, 3]]
    assert index.search(np.zeros(DIM), filter=vecinal.label(2)).counts == 2


def test_labels_are_changed_and_kept(index):
    index.set_labels([0, 1], [[50, 51], []])
    assert allowed(index, vecinal.label(51)) == [0]
    assert index.labels(1).tolist() == []
    for other in (copy.deepcopy(index), vecinal.load(bytes(index))):
        assert other.labels(0).tolist() == [50, 51] and allowed(other, vecinal.label(3))


def test_what_is_refused(index):
    rows = np.ones((2, DIM))
    for wrong in ([1], [1, 2, 3], [[1]], []):
        if wrong:
            with pytest.raises(ValueError, match="2 items"):
                index.add(rows, labels=wrong)
    with pytest.raises(TypeError, match="integers"):
        index.add(rows, labels=[0.5, 1])
    with pytest.raises(TypeError, match="integers"):
        vecinal.label("a")
    with pytest.raises(ValueError, match="2\\*\\*63"):
        index.add(rows, labels=np.array([2**63, 1], np.uint64))
    with pytest.raises(KeyError):
        index.labels(10**6)
    with pytest.raises(ValueError, match="id 1000 at position 1"):
        index.set_labels([0, 1000], [1, 1])
    assert len(index) == N
