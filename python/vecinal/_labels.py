"""Labels of items, as callers give them, become int64 values and the offsets of the items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    from numpy.typing import ArrayLike, NDArray

    LabelsLike = Union[ArrayLike, Iterable[Iterable[int]]]


def as_label_array(values: Any, what: str) -> NDArray[np.int64]:
    """Return labels as int64, shape (n,)."""
    array = np.asarray(values)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{what}: labels must be integers, got {array.dtype}")
    if array.dtype.kind == "u" and array.max() >= 1 << 63:
        raise ValueError(f"{what}: labels must be below 2**63, got {array.max()}")
    if array.ndim != 1:
        raise ValueError(f"{what}: labels must be one-dimensional, got the shape {array.shape}")
    return np.ascontiguousarray(array, np.int64)


def as_labels(
    values: LabelsLike | None, what: str
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """Return the labels of all items and, where an item may have any number, their offsets."""
    if values is None:
        return None, None
    if isinstance(values, np.ndarray) and values.ndim == 2:
        values = list(values)
    if not isinstance(values, np.ndarray):
        items = list(values)  # type: ignore[arg-type]
        if any(hasattr(type(one), "__len__") for one in items):
            parts = [as_label_array(list(one), f"{what}: item {i}") for i, one in enumerate(items)]
            ends = np.cumsum([len(part) for part in parts])
            return np.concatenate(parts), np.concatenate(([0], ends)).astype(np.int64)
        values = items
    return as_label_array(values, what), None
