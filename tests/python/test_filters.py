"""Filters in all their forms: the same answers, and k of them whenever k allowed items exist."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vecinal
from brute_force import check_hits

DIM = 8


def make_index(n, rng, step=1, **config):
    rows = rng.standard_normal((n, DIM)).astype(np.float32)
    index = vecinal.Index(DIM, **config)
    ids = index.add(rows, np.arange(n) * step)
    return index, rows, ids


def forms_of(mask):
    """Every way to say the same."""
    allowed = np.flatnonzero(mask)
    bits = np.packbits(mask, bitorder="little")
    words = np.append(bits, np.zeros(-bits.size % 8, np.uint8)).view("<u8")
    halves = np.append(bits, np.zeros(-bits.size % 4, np.uint8)).view("<u4")
    return {
        "mask": mask,
        "list of bools": mask.tolist(),
        "strided mask": np.repeat(mask, 3)[::3],
        "ids": allowed,
        "uint16 ids": allowed.astype(">u2"),
        "list of ids": allowed.tolist(),
        "set of ids": set(allowed.tolist()),
        "ids twice, with others": np.concatenate([allowed, allowed[::-1], [10**12]]),
        "uint64 words": vecinal.Bitmap(words),
        "uint32 words": vecinal.Bitmap(halves),
        "big-endian words": vecinal.Bitmap(words.astype(">u8")),
        "big-endian halves": vecinal.Bitmap(halves.astype(">u4")),
        "packed mask": vecinal.Bitmap.from_mask(mask),
        "callable": lambda id: id < len(mask) and mask[id],
    }


@pytest.mark.parametrize("graph", ["hnsw", None])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_all_forms_agree(graph, share, rng):
    index, rows, ids = make_index(300, rng, graph=graph)
    queries = rng.standard_normal((5, DIM))
    mask = rng.random(300) < share
    mask[7] = True
    expected = index.search(queries, k=4, filter=mask)
    check = index.search(queries, k=4, filter=mask, exact=True)
    check_hits(check, "l2", queries, ids[mask], rows[mask], 4)
    for name, form in forms_of(mask).items():
        hits = index.search(queries, k=4, filter=form)
        np.testing.assert_array_equal(hits.ids, expected.ids, err_msg=name)
        np.testing.assert_array_equal(hits.distances, expected.distances, err_msg=name)


@given(
    n=st.integers(1, 400),
    share=st.floats(0, 1),
    k=st.integers(1, 30),
    beam=st.one_of(st.none(), st.integers(1, 20)),
    seed=st.integers(0, 2**32),
    form=st.sampled_from(["mask", "ids", "callable"]),
)
def test_k_results_whenever_k_allowed_items_exist(n, share, k, beam, seed, form):
    rng = np.random.default_rng(seed)
    index, _, _ = make_index(n, rng, degree=4, build_beam=8)
    removed = np.flatnonzero(rng.random(n) < 0.2)
    index.remove(removed)
    mask = rng.random(n) < share
    mask_of_held = mask.copy()
    mask_of_held[removed] = False
    hits = index.search(rng.standard_normal((3, DIM)), k=k, beam=beam, filter=forms_of(mask)[form])
    count = min(k, int(mask_of_held.sum()))
    assert hits.counts.tolist() == [count] * 3
    for found in hits.ids:
        assert mask_of_held[found[:count]].all() and len(set(found[:count].tolist())) == count
        assert (found[count:] == -1).all()


def test_a_filter_near_and_far_from_the_query(rng):
    """All that is allowed lies far away: a walk that looks near the query finds none of it."""
    near, far = rng.standard_normal((500, DIM)), 100 + rng.standard_normal((20, DIM))
    index = vecinal.Index(DIM)
    index.add(np.concatenate([near, far]))
    hits = index.search(np.zeros((2, DIM)), k=10, beam=10, filter=range(500, 520))
    assert (hits.counts == 10).all() and (hits.ids >= 500).all()


def test_ids_past_the_end_are_not_allowed(rng):
    index, _, _ = make_index(200, rng, step=5)
    assert index.search(np.zeros(DIM), k=300, filter=np.ones(500, bool)).counts == 100
    assert (
        index.search(
            np.zeros(DIM), k=300, filter=vecinal.Bitmap(np.full(2, 2**64 - 1, np.uint64))
        ).counts
        == 26
    )
    assert (
        index.search(
            np.zeros(DIM), k=300, filter=vecinal.Bitmap(np.full(3, 2**32 - 1, np.uint32))
        ).counts
        == 20
    )


@pytest.mark.parametrize(
    "nothing",
    [
        [],
        np.array([], int),
        np.zeros(0, bool),
        np.zeros(9, bool),
        vecinal.Bitmap(np.zeros(0, np.uint64)),
        [10**9],
        lambda id: False,
    ],
    ids=repr,
)
def test_nothing_allowed(nothing, rng):
    index, _, _ = make_index(50, rng)
    for exact in (False, True):
        hits = index.search(np.zeros((2, DIM)), k=3, filter=nothing, exact=exact)
        assert (
            (hits.ids == -1).all()
            and np.isposinf(hits.distances).all()
            and (hits.counts == 0).all()
        )


def test_everything_allowed(rng):
    index, _, _ = make_index(150, rng)
    queries = rng.standard_normal((4, DIM))
    expected = index.search(queries)
    for form in (None, np.ones(150, bool), range(150), lambda id: True):
        np.testing.assert_array_equal(index.search(queries, filter=form).ids, expected.ids)


class Marker(Exception):
    pass


def test_what_a_callable_raises_comes_out_as_it_is(rng):
    index, _, _ = make_index(50, rng)
    calls = []

    def allowed(id):
        calls.append(id)
        if len(calls) == 20:
            raise Marker(id)
        return True

    with pytest.raises(Marker) as caught:
        index.search(np.zeros((3, DIM)), filter=allowed)
    assert len(calls) == 20 and caught.value.args == (calls[-1],)
    with pytest.raises(ValueError, match="ambiguous"):
        index.search(np.zeros(DIM), filter=lambda id: np.array([True, False]))
    assert index.search(np.zeros(DIM), k=3).counts == 3


def test_a_callable_is_asked_once_for_every_item(rng):
    index, _, _ = make_index(60, rng, step=3)
    index.remove([3, 6])
    asked = []
    index.search(rng.standard_normal((4, DIM)), filter=lambda id: asked.append(id) or True)
    assert sorted(asked) == sorted(index.ids.tolist()) and all(type(id) is int for id in asked)


def test_a_callable_may_ask_the_index(rng):
    index, _, _ = make_index(60, rng)
    hits = index.search(
        np.zeros(DIM), k=60, filter=lambda id: id in index and index[id][0] > 0 and len(index) == 60
    )
    assert 0 < hits.counts < 60


@pytest.mark.parametrize(
    "bad, message",
    [
        (np.ones(5), "float64"),
        ([0.5], "position 0 is 0.5"),
        ("mask", "'mask'"),
        (3, "3"),
        (np.array(["a"]), "<U1"),
        ([True, 3], "position 0 is True"),
        (np.ones(5, complex), "complex128"),
    ],
)
def test_other_types_are_refused(bad, message, rng):
    index, _, _ = make_index(5, rng)
    with pytest.raises(TypeError, match=message):
        index.search(np.zeros(DIM), filter=bad)


@pytest.mark.parametrize(
    "bad, message",
    [
        (np.ones((2, 5), bool), r"one for the whole batch.*\(2, 5\)"),
        (np.ones((2, 5), int), r"\(2, 5\)"),
        ([1, -1], "position 1 is -1"),
        (np.array([2**63], np.uint64), "position 0"),
    ],
)
def test_other_values_are_refused(bad, message, rng):
    index, _, _ = make_index(5, rng)
    with pytest.raises(ValueError, match=message):
        index.search(np.zeros((2, DIM)), filter=bad)


def test_bitmaps_of_other_types_are_refused():
    for words in (np.ones(2), np.ones(2, np.int64), np.ones(2, np.uint8), [1, 2], np.ones(2, bool)):
        with pytest.raises(TypeError, match="uint64 or uint32"):
            vecinal.Bitmap(words)
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        vecinal.Bitmap(np.ones((2, 2), np.uint64))
    with pytest.raises(TypeError, match="bool"):
        vecinal.Bitmap.from_mask(np.ones(3, int))
    assert "2 words" in repr(vecinal.Bitmap(np.ones(3, np.uint32)))


def test_sources_of_filters_are_not_written(rng):
    index, _, _ = make_index(70, rng)
    for source in (np.arange(70), rng.random(70) < 0.5, np.full(2, 77, np.uint64)):
        before = source.copy()
        source.flags.writeable = False
        index.search(
            np.zeros(DIM), filter=vecinal.Bitmap(source) if source.dtype == np.uint64 else source
        )
        np.testing.assert_array_equal(source, before)
