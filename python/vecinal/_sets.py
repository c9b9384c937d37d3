"""Sets of vectors, as callers give them, become float32 rows and the offsets of the sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._gpu import gpu_rows, joined, on_gpu
from ._inputs import as_ids, as_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    from numpy.typing import ArrayLike, NDArray

    from ._gpu import GpuRows

    SetsLike = Union[ArrayLike, Iterable[ArrayLike]]

    Parts = tuple[NDArray[np.float32], Union[NDArray[np.int64], None]]


def _offsets_of(sizes: Iterable[int]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(np.fromiter(sizes, np.int64)))).astype(np.int64)


def _is_list(values: Any) -> bool:
    return not any(hasattr(values, name) for name in ("__array__", "__dlpack__", "detach"))


def _from_list(values: Any, dim: int, what: str) -> Parts:
    rows = []
    for number, value in enumerate(values):
        one = as_rows(value, f"{what}: set {number}")
        if one.size == 0 and one.ndim < 2:
            one = one.reshape(0, dim)
        if one.ndim != 2 or one.shape[1] != dim:
            hint = ""
            if one.ndim == 1:
                hint = "; one set of vectors goes in as [x], and a set of one vector as [[x]]"
            raise ValueError(
                f"{what}: set {number} must have the shape (t, {dim}), got {one.shape}{hint}"
            )
        rows.append(one)
    if not rows:
        return np.empty((0, dim), np.float32), np.zeros(1, np.int64)
    return np.concatenate(rows), _offsets_of(map(len, rows))


def as_sets(values: SetsLike, dim: int, what: str, offsets: ArrayLike | None = None) -> Parts:
    """Return the rows of all sets and where each of them starts.

    `values` is a list of (t_i, dim) arrays, one (n, t, dim) array, or, with `offsets`, the (m, dim)
    rows of all sets.
    """
    if offsets is not None:
        rows = as_rows(values, what)  # type: ignore[arg-type]
        if rows.ndim != 2 or rows.shape[1] != dim:
            raise ValueError(
                f"{what} with offsets must have the shape (m, {dim}), got {rows.shape}"
            )
        starts = as_ids(offsets, "offsets")
        if len(starts) == 0:
            raise ValueError("offsets must have one more number than there are sets, got none")
        return rows, starts
    if _is_list(values):
        if isinstance(values, (str, bytes)) or not hasattr(type(values), "__iter__"):
            raise TypeError(f"{what} must be a list of arrays (t, {dim}), got {values!r}")
        return _from_list(values, dim, what)
    rows = as_rows(values, what)  # type: ignore[arg-type]
    if rows.ndim == 3 and rows.shape[2] == dim:
        count, size, _ = rows.shape
        return rows.reshape(-1, dim), np.arange(count + 1, dtype=np.int64) * size
    raise ValueError(
        f"{what} must be a list of arrays (t, {dim}), one array (n, t, {dim}), or rows with"
        f" offsets; got an array of shape {rows.shape}; one set x goes in as [x]"
    )


def sets_on_gpu(
    values: Any, dim: int, offsets: ArrayLike | None = None
) -> tuple[GpuRows, NDArray[np.int64]] | None:
    """Return sets that are on the GPU in use as `as_sets` does; None for others, or if they are not.

    What has no such form is `as_sets`' to refuse.
    """
    arrays = list(values) if isinstance(values, (list, tuple)) else [values]
    if not arrays or not all(map(on_gpu, arrays)):
        return None
    shapes = [tuple(array.shape) for array in arrays]
    if any(shape[-1:] != (dim,) for shape in shapes):
        return None
    if isinstance(values, (list, tuple)):
        if offsets is not None or {len(shape) for shape in shapes} != {2}:
            return None
        starts = _offsets_of(shape[0] for shape in shapes)
        whole = joined(arrays)
    elif offsets is not None and len(shapes[0]) == 2:
        starts = as_ids(offsets, "offsets")
        whole = values
    elif offsets is None and len(shapes[0]) == 3:
        starts = _offsets_of([shapes[0][1]] * shapes[0][0])
        whole = values
    else:
        return None
    rows = None if whole is None or len(starts) < 2 else gpu_rows(whole)
    return None if rows is None else (rows, starts)


def as_candidates(values: Any, queries: int) -> NDArray[np.int64]:
    """Return candidate ids as (queries, c), filled up with -1; one list of ids is one query's."""
    if _is_list(values) and any(hasattr(type(one), "__len__") for one in values):
        lists = [_ids_or_none(one) for one in values]
    else:
        array = np.asarray(values)
        lists = [_ids_or_none(one) for one in (array if array.ndim == 2 else array[None])]
    if len(lists) != queries:
        raise ValueError(f"rerank: {queries} queries but {len(lists)} lists of candidates")
    width = max(map(len, lists), default=0)
    filled = np.full((queries, width), -1, np.int64)
    for row, ids in zip(filled, lists):
        row[: len(ids)] = ids
    return filled


def _ids_or_none(values: Any) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind == "i":
        array = array[array != -1]  # where a search found fewer than k
    return as_ids(array, "candidates")
