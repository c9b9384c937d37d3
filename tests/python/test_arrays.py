"""Every array of numpy answers as its contiguous float32 copy does, or raises TypeError."""

from __future__ import annotations

import re
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vecinal

FLOATS = ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8", "longdouble", ml_dtypes.bfloat16]
INTEGERS = ["i1", "u1", "<i2", ">i2", "<u2", "<i4", ">i4", "<u4", "<i8", ">i8", "<u8", ">u8"]


class Subclass(np.ndarray):
    """An array type of someone else."""


class OnlyArray:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


class OnlyDlpack:
    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def garbage(shape, like):
    """What lies between the values of a strided array: vecinal must not read it."""
    filler = 77 if like.dtype.kind in "iu" else np.nan
    return np.full(shape, filler).astype(like.dtype)


def every_second_row(a):
    wide = garbage((2 * len(a), a.shape[1]), a)
    wide[::2] = a
    return wide[::2]


def every_second_column(a):
    wide = garbage((len(a), 2 * a.shape[1]), a)
    wide[:, ::2] = a
    return wide[:, ::2]


def inner_block(a):
    wide = garbage((len(a) + 3, a.shape[1] + 4), a)
    wide[2:-1, 1:-3] = a
    return wide[2:-1, 1:-3]


def unaligned(a):
    memory = np.zeros(a.nbytes + 1, np.uint8)
    view = np.frombuffer(memory, a.dtype, offset=1).reshape(a.shape) if a.size else a
    if a.size:
        view[...] = a
    return view


def unaligned_rows(a):
    """Rows of a packed record: a stride that is no multiple of the value."""
    record = np.zeros(len(a), np.dtype([("tag", "u1"), ("row", a.dtype, (a.shape[1],))]))
    record["row"] = a
    return record["row"]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "every second row": every_second_row,
    "every second column": every_second_column,
    "inner block": inner_block,
    "rows reversed": lambda a: a[::-1].copy()[::-1],
    "columns reversed": lambda a: a[:, ::-1].copy()[:, ::-1],
    "all reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "one row repeated": lambda a: np.broadcast_to(a[:1], a.shape),
    "one column repeated": lambda a: np.broadcast_to(a[:, :1], a.shape),
    "overlapping windows": lambda a: np.lib.stride_tricks.sliding_window_view(
        np.append(a.ravel(), a[-1]), a.shape[1]
    )[: len(a)],
    "middle axis": lambda a: np.stack([a, a, a], axis=1)[:, 1],
    "unaligned": unaligned,
    "unaligned rows": unaligned_rows,
    "read-only": read_only,
    "subclass": lambda a: a.copy().view(Subclass),
    "list": lambda a: a.tolist(),
    "list of arrays": list,
    "tuple of tuples": lambda a: tuple(map(tuple, a.tolist())),
    "memoryview": lambda a: memoryview(a) if a.dtype.isnative and a.dtype.kind != "V" else a,
    "__array__": OnlyArray,
    "dlpack": lambda a: OnlyDlpack(a.copy()) if a.dtype.isnative and a.dtype.kind in "iu" else a,
}


@st.composite
def matrices(draw):
    n, dim = draw(st.integers(1, 9)), draw(st.integers(1, 40))
    # float32 every other time: it alone is passed as it is.
    dtype = np.dtype("<f4" if draw(st.booleans()) else draw(st.sampled_from(FLOATS + INTEGERS)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if dtype.kind in "iu":
        values = rng.integers(1 if dtype.kind == "u" else -90, 100, (n, dim))
    else:
        values = rng.standard_normal((n, dim))
    values[:, 0] = 1  # no zero row, so that cosine takes it too
    return values.astype(dtype)


def snapshot(array):
    """The bytes of the whole block of memory that an array looks into."""
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array.tobytes() if isinstance(array, np.ndarray) else None


def as_float32(given):
    array = given.array if isinstance(given, (OnlyArray, OnlyDlpack)) else given
    return np.array(np.asarray(array), np.float32, order="C", subok=False)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=settings().max_examples // 2)
@given(
    matrix=matrices(),
    query_layout=st.sampled_from(sorted(LAYOUTS)),
    metric=st.sampled_from(["l2", "ip", "cosine"]),
)
def test_answers_as_the_contiguous_copy(layout, matrix, query_layout, metric):
    laid, queries = LAYOUTS[layout](matrix), LAYOUTS[query_layout](matrix)
    before = snapshot(laid), snapshot(queries)
    rows = as_float32(laid)

    index, expected = (vecinal.Index(matrix.shape[1], metric=metric) for _ in range(2))
    index.train(laid, queries)
    np.testing.assert_array_equal(index.add(laid), expected.add(rows))
    assert bytes(index) == bytes(expected)

    hits, truth = index.search(queries, k=3), expected.search(as_float32(queries), k=3)
    np.testing.assert_array_equal(hits.ids, truth.ids)
    np.testing.assert_array_equal(hits.distances, truth.distances)
    assert before == (snapshot(laid), snapshot(queries))


@pytest.mark.parametrize(
    "layout", ["C", "every second column", "columns reversed", "unaligned", "list"]
)
def test_one_query_of_any_layout(layout, rng):
    rows = rng.standard_normal((20, 6)).astype(np.float32)
    index = vecinal.Index(6)
    index.add(rows)
    query = LAYOUTS[layout](rows[3:4])[0]
    assert index.search(query, k=1).ids.tolist() == [3]


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((0, 5)),
        np.zeros((0, 5), np.float32),
        np.zeros((0, 5), np.int8),
        np.zeros((3, 5))[:0],
    ],
)
def test_no_rows(rows):
    index = vecinal.Index(5)
    ids = index.add(rows)
    assert ids.shape == (0,) and ids.dtype == np.int64 and len(index) == 0
    index.train(rows)
    assert index.search(rows, k=4).ids.shape == (0, 4)
    assert index.add(rows, []).shape == (0,)


@pytest.mark.parametrize(
    "values",
    [
        np.array([["a", "b"]]),
        np.array([[b"a", b"b"]]),
        np.array([[1, 2]], object),
        np.array([[1j, 2]]),
        np.array([[True, False]]),
        np.array([["2020", "2021"]], "datetime64[Y]"),
        np.array([[1, 2]], "timedelta64[s]"),
        np.zeros((1, 2), "V4"),
        np.zeros((1, 2), [("x", "f4")]),
    ],
)
def test_other_dtypes_are_refused_by_name(values):
    index = vecinal.Index(2)
    for call in (index.add, index.train, index.search, index.fit_queries, index.tune):
        with pytest.raises(TypeError, match=re.escape(f"dtype {values.dtype}")):
            call(values)
    assert len(index) == 0


def test_things_that_are_no_arrays_are_refused():
    index = vecinal.Index(2)
    for value in (None, "ab", object(), {1: 2}, index):
        with pytest.raises((TypeError, ValueError)):
            index.add(value)
    with pytest.raises(TypeError, match="masked"):
        index.add(np.ma.masked_array([[1.0, 2.0]], mask=[[False, True]]))


@pytest.mark.parametrize("shape", [(), (4,), (2, 2, 4)])
def test_a_wrong_rank_is_refused_with_the_shape(shape):
    index = vecinal.Index(4)
    for call in (index.add, index.train, index.fit_queries, index.tune) + ((index.search,) if len(shape) != 1 else ()):
        with pytest.raises(ValueError, match=rf"\({', '.join(map(str, shape))}"):
            call(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_is_not_finite_is_refused_with_its_row(bad, dtype, rng):
    rows = rng.standard_normal((9, 3)).astype("f8")
    rows[7, 1] = bad
    with np.errstate(over="ignore"):
        rows = rows.astype(dtype)
    index = vecinal.Index(3)
    index.add(np.ones((2, 3)))
    before = bytes(index)
    for call in (index.add, index.train, index.search):
        with pytest.raises(ValueError, match=r"\b7\b.*finite|finite.*\b7\b"):
            call(rows)
    assert bytes(index) == before


@pytest.mark.parametrize("layout", ["C", "every second row", "inner block", "read-only"])
def test_float32_rows_are_not_copied(layout, rng):
    rows = LAYOUTS[layout](rng.standard_normal((40_000, 64)).astype(np.float32))
    index = vecinal.Index(64, graph=None, threads=1)
    tracemalloc.start()
    try:
        index.add(rows[:20_000])
        index.train(rows)
        assert tracemalloc.get_traced_memory()[1] < rows.nbytes / 20
    finally:
        tracemalloc.stop()


def make_tensor(array, dtype, bfloat16=False):
    """A tensor that behaves as torch's does, without torch."""

    class Tensor:
        def __array__(self, *_, **__):
            if bfloat16:
                raise TypeError("Got unsupported ScalarType BFloat16")
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

        def detach(self):
            return self if bfloat16 else array

        def float(self):
            return np.asarray(array, np.float32)

    Tensor.__module__ = "torch"
    Tensor.dtype = dtype
    return Tensor()


def test_tensors_that_torch_does_not_hand_to_numpy(rng):
    rows = rng.integers(-9, 9, (5, 4)).astype(np.float32)
    expected = vecinal.Index(4)
    expected.add(rows)
    for tensor in (
        make_tensor(rows, "torch.bfloat16", bfloat16=True),
        make_tensor(rows, "torch.float32"),
    ):
        index = vecinal.Index(4)
        index.add(tensor)
        assert bytes(index) == bytes(expected)


def test_torch_tensors(rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rows = rng.integers(-9, 9, (5, 4)).astype(np.float32)
    expected = vecinal.Index(4)
    expected.add(rows)
    tensor = torch.from_numpy(rows.copy())
    for given_tensor in (
        tensor,
        tensor.T.contiguous().T,
        tensor.double(),
        tensor.half(),
        tensor.bfloat16(),
        tensor.to(torch.int8),
        tensor.clone().requires_grad_(),
    ):
        index = vecinal.Index(4)
        index.add(given_tensor, torch.arange(5))
        assert bytes(index) == bytes(expected)
