"""Items that change: update, compact, rows that are used again."""

from __future__ import annotations

import numpy as np
import pytest
import vecinal


def rows_of(n, dim=8, seed=0):
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def test_update_gives_items_other_vectors():
    rows, others = rows_of(100), rows_of(10, seed=1)
    index = vecinal.Index(dim=8)
    index.add(rows)
    assert index.update(range(20, 30), others) is None
    assert len(index) == 100
    np.testing.assert_array_equal(index[25], others[5])
    np.testing.assert_array_equal(index[31], rows[31])
    assert index.search(others, k=1).ids[:, 0].tolist() == list(range(20, 30))


@pytest.mark.parametrize(
    "ids, rows, message",
    [
        ([1, 200], rows_of(2), "update: id 200 of row 1 is not in the index"),
        ([1, 1], rows_of(2), "update: id 1 is given to row 0 and to row 1"),
        ([1], rows_of(2), "update: 2 items but 1 ids"),
        ([1, 2], rows_of(2, dim=7), "7"),
        ([1, 2], np.array([[0] * 8, [0] * 7 + [np.nan]]), "update: row 1 "),
    ],
)
def test_an_update_that_is_refused_changes_nothing(ids, rows, message):
    index = vecinal.Index(dim=8)
    index.add(rows_of(100))
    before = bytes(index)
    with pytest.raises(ValueError, match=message):
        index.update(ids, rows)
    assert bytes(index) == before


def test_messages_about_sets_name_the_update():
    index = vecinal.Index(dim=8, metric="chamfer", tokens="f16")
    index.add([rows_of(n, seed=n) for n in (3, 4, 5)])
    before = bytes(index)
    for value, message in ((np.nan, "update: "), (1e30, "update: vector 1 of set 0")):
        rows = rows_of(2)
        rows[1, 0] = value
        with pytest.raises(ValueError, match=message):
            index.update([1], [rows])
    assert bytes(index) == before


def test_sets_are_updated():
    rng = np.random.default_rng(0)
    index = vecinal.Index(dim=8, metric="chamfer")
    index.add([rng.standard_normal((t, 8)) for t in (3, 4, 5)])
    index.update([1], [rng.standard_normal((6, 8))])
    assert index[1].shape == (6, 8) and len(index) == 3
    index.compact()
    assert index.check() == []


def test_removed_rows_are_used_again_and_compact_gives_them_back():
    index = vecinal.Index(dim=8)
    index.add(rows_of(1000))
    index.remove(range(500))
    assert index.stats()["free"] == index.stats()["removed"] == 500
    index.add(rows_of(200, seed=1))
    assert index.stats()["free"] == 300
    found = index.search(rows_of(50, seed=2), k=5)
    size = len(bytes(index))
    index.compact()
    assert index.stats()["free"] == 0 and len(bytes(index)) < size and index.check() == []
    np.testing.assert_array_equal(index.search(rows_of(50, seed=2), k=5).ids, found.ids)
