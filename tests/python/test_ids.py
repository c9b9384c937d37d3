"""Ids are checked and never wrapped."""

from __future__ import annotations

import re

import numpy as np
import pytest

import vecinal

TOP = 2**63 - 1
INTEGER_DTYPES = ["i1", "u1", "<i2", ">i2", "<u2", "<i4", ">i4", "<u4", "<i8", ">i8", "<u8", ">u8"]


def index_of(ids, dim=2):
    index = vecinal.Index(dim)
    index.add(np.arange(dim * len(ids)).reshape(len(ids), dim), ids)
    return index


def test_by_default_the_numbers_after_the_largest_ever_used():
    index = vecinal.Index(2)
    assert index.add(np.ones((2, 2))).tolist() == [0, 1]
    assert index.add(np.ones((1, 2)), [10]).tolist() == [10]
    assert index.add(np.ones((2, 2))).tolist() == [11, 12]
    assert index.remove([12]) == 1
    assert index.add(np.ones((1, 2))).tolist() == [13]
    assert index.ids.tolist() == [0, 1, 10, 11, 13] == list(index)
    assert index.ids.dtype == np.int64


@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
def test_any_integer_dtype(dtype):
    ids = np.array([5, 100, 0, 7], dtype)
    for given in (ids, ids[::-1], np.stack([ids, ids], 1)[:, 0]):
        index = index_of(given)
        assert index.ids.tolist() == given.tolist()
        assert index.remove(given[:2]) == 2 and len(index) == 2


@pytest.mark.parametrize(
    "ids",
    [
        [3, 1, 2],
        (3, 1, 2),
        range(3),
        iter([3, 1, 2]),
        (i for i in (3, 1, 2)),
        [np.int8(3), np.uint64(1), 2],
        np.array([3, 1, 2], object),
        {3: "a", 1: "b", 2: "c"}.keys(),
    ],
)
def test_any_iterable_of_integers(ids):
    index = vecinal.Index(2)
    added = index.add(np.ones((3, 2)), ids)
    assert sorted(added.tolist()) in ([0, 1, 2], [1, 2, 3])


def test_both_ends_of_the_range():
    for ids in ([0, TOP], np.array([0, TOP], np.uint64), [np.uint64(TOP), 0]):
        index = index_of(ids)
        assert 0 in index and TOP in index and TOP - 1 not in index
        assert sorted(index.search([0, 0], k=2).ids.tolist()) == [0, TOP]
        assert index.remove(TOP) == 1 and TOP not in index


def test_no_numbers_are_left_after_the_largest_id():
    index = index_of([TOP])
    with pytest.raises((ValueError, OverflowError)):
        index.add(np.ones((1, 2)))
    assert index.ids.tolist() == [TOP]


BAD_VALUES = [
    ([0, -1], ValueError, "position 1 is -1"),
    (np.array([0, -7]), ValueError, "position 1 is -7"),
    (np.array([-3, 1], np.int8), ValueError, "position 0 is -3"),
    ([0, 2**63], ValueError, f"position 1 is {2**63}"),
    ([0, 2**64], ValueError, f"position 1 is {2**64}"),
    (np.array([0, 2**63], np.uint64), ValueError, f"position 1 is {2**63}"),
    (np.array([2**64 - 1, 1], ">u8"), ValueError, f"position 0 is {2**64 - 1}"),
    ([0, 1.0], TypeError, "position 1 is 1.0"),
    (np.array([0.0, 1.0]), TypeError, "float64"),
    (np.array([0, 1], np.float16), TypeError, "float16"),
    (np.array([]), TypeError, "float64"),
    ([0, True], TypeError, "position 1 is True"),
    ([np.True_, 0], TypeError, "position 0 is "),
    (np.array([True, False]), TypeError, "bool"),
    (["0", "1"], TypeError, "position 0 is '0'"),
    (np.array(["0", "1"]), TypeError, "<U1"),
    ([0, None], TypeError, "position 1 is None"),
    (np.array([0, None], object), TypeError, "position 1 is None"),
    ("01", TypeError, "'01'"),
    (1.5, TypeError, "1.5"),
    (np.array([1, 2], complex), TypeError, "complex128"),
    (np.array([1, 2], "datetime64[s]"), TypeError, "datetime64"),
]


@pytest.mark.parametrize("ids, error, message", BAD_VALUES)
def test_bad_ids_are_refused_with_position_and_value(ids, error, message):
    index = index_of([0, 1])
    before = bytes(index)
    for call in (lambda: index.add(np.ones((2, 2)), ids), lambda: index.remove(ids)):
        with pytest.raises(error, match=re.escape(message)):
            call()
    assert bytes(index) == before


@pytest.mark.parametrize(
    "ids, message",
    [
        ([5, 6, 5], r"2.*\b5\b|\b5\b.*2"),
        ([5, 1, 6], r"\b1\b"),
        ([5, 6], "3 rows but 2 ids"),
        ([5, 6, 7, 8], "3 rows but 4 ids"),
        ([], "3 rows but 0 ids"),
        ([[5, 6, 7]], r"position 0 is \[5, 6, 7\]"),
        (np.array([[5], [6], [7]]), "one-dimensional"),
        (np.array(5), "one-dimensional"),
    ],
)
def test_batches_that_do_not_fit_are_refused(ids, message):
    index = index_of([0, 1])
    before = bytes(index)
    with pytest.raises((ValueError, TypeError), match=message):
        index.add(np.ones((3, 2)), ids)
    assert bytes(index) == before


def test_remove_takes_one_or_many_and_counts_what_it_held():
    index = index_of(range(10))
    assert index.remove(3) == 1
    assert index.remove(3) == 0
    assert index.remove(np.int64(4)) == 1
    assert index.remove(np.array(5)) == 1
    assert index.remove([6, 6, 99, TOP]) == 1
    assert index.remove([]) == 0
    assert index.remove(range(100)) == 6
    assert len(index) == 0 and not index
    for id in (True, 1.0, "1", None, -1):
        with pytest.raises((TypeError, ValueError)):
            index.remove(id)


def test_membership_never_raises():
    index = index_of([0, 1, 42])
    assert 42 in index and np.int8(42) in index and np.uint64(42) in index
    for other in (41, -1, 2**63, 2**70, 42.0, True, "42", None, [42], np.array([42, 1]), object()):
        assert other not in index


def test_items():
    rows = np.array([[1, 2], [3, 4]], np.float32)
    index = vecinal.Index(2)
    index.add(rows, [7, 8])
    assert index[7].dtype == np.float32
    np.testing.assert_array_equal(index[np.uint8(8)], rows[1])
    index[7][:] = 0  # a copy
    np.testing.assert_array_equal(index[7], rows[0])
    for absent in (9, -1, 2**63, 2**80):
        with pytest.raises(KeyError, match=str(absent)):
            index[absent]
    for wrong in ("7", 7.0, True, None, slice(0, 1), [7]):
        with pytest.raises(TypeError):
            index[wrong]


def test_items_are_as_stored():
    row = np.array([3, 4, 1e-4], np.float32)
    half, unit = vecinal.Index(3, encoding="f16"), vecinal.Index(3, metric="cosine")
    half.add([row])
    unit.add([row])
    np.testing.assert_array_equal(half[0], row.astype(np.float16).astype(np.float32))
    np.testing.assert_allclose(unit[0], row / np.linalg.norm(row), rtol=1e-6)
