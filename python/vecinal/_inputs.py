"""What a caller gives becomes what the C++ side takes: float32 rows, int64 ids, ints, paths.

Values are checked and never wrapped; the caller's memory is read and never written.
"""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex

import numpy as np

from ._gpu import on_gpu, to_host

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_FLOAT32 = np.dtype(np.float32)
_INT64 = np.dtype(np.int64)
_ID_END = 1 << 63
UINT32_MAX = (1 << 32) - 1


def as_integer(name: str, value: Any, low: int, high: int) -> int:
    """Return `value` as an int in ``[low, high]``; TypeError for bools, floats and the rest."""
    if type(value) is int and low <= value <= high:
        return value
    if type(value) is not int:
        if isinstance(value, (bool, np.bool_)) or not hasattr(type(value), "__index__"):
            raise TypeError(f"{name} must be an int, got {value!r}")
        value = operator.index(value)
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, must be {low} .. {high}")
    return int(value)


def as_optional(name: str, value: Any, low: int, high: int) -> int:
    """Return 0, with which C++ chooses, for None, else `value` as `as_integer` does."""
    return 0 if value is None else as_integer(name, value, low, high)


def as_real(name: str, value: Any) -> float:
    """Return a number as a float; its range is C++'s to check."""
    if isinstance(value, bool) or not isinstance(value, (SupportsFloat, SupportsIndex)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)


def as_share(name: str, value: Any) -> float:
    """Return a number in (0, 1] as a float."""
    share = as_real(name, value)
    if not 0 < share <= 1:
        raise ValueError(f"{name} must be in (0, 1], got {value!r}")
    return share


def as_path(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a path, as the file system knows it."""
    name = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError(f"a path must be a str, got {path!r}")
    if "\0" in name:
        raise ValueError(f"a path cannot hold a null character: {path!r}")
    return os.fsencode(name)


def as_bytes(data: Any) -> NDArray[np.uint8]:
    """Return a view of contiguous bytes; TypeError for what has none."""
    return np.asarray(memoryview(data).cast("B"))


def to_numpy(values: Any, what: str) -> NDArray[Any]:
    """Return `values` as an array, a view where that is possible; arrays on a GPU are copied."""
    if on_gpu(values):
        values = to_host(values, what)
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{what}: masked arrays are not supported, fill the masked values first")
    if type(values).__module__ == "torch":
        values = values.detach()
        if str(values.dtype) == "torch.bfloat16":  # numpy has no such type
            values = values.float()
    elif hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
        return np.from_dlpack(values)
    return np.asarray(values)


def _check_numeric(dtype: np.dtype[Any], what: str) -> None:
    # Kind V: the types of ml_dtypes (bfloat16 and friends), which numpy can cast, and records.
    if dtype.kind in "fiu" or (
        dtype.kind == "V" and dtype.names is None and np.can_cast(dtype, _FLOAT32)
    ):
        return
    raise TypeError(f"{what} must be real numbers, got an array of dtype {dtype}")


def as_rows(values: ArrayLike, what: str) -> NDArray[np.float32]:
    """Return `values` as float32 with contiguous rows, at the rank it has (1 or 2).

    float32 whose rows are contiguous is passed as it is; anything else is copied once.
    """
    array = values if type(values) is np.ndarray else to_numpy(values, what)
    if array.dtype == _FLOAT32:
        flags = array.flags
        if flags.c_contiguous and flags.aligned:
            return array
        if (
            array.ndim == 2
            and flags.aligned
            and array.strides[1] == 4
            and array.strides[0] >= 4 * array.shape[1]
        ):
            return array
    else:
        _check_numeric(array.dtype, what)
    # What overflows becomes infinite, and is refused with its row further down.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(array, dtype=_FLOAT32, order="C", copy=True, subok=False)


def as_matrix(values: ArrayLike, dim: int, what: str) -> NDArray[np.float32]:
    """Return `values` as (n, dim) float32 rows; ValueError for another rank (C++ checks dim)."""
    rows = as_rows(values, what)
    if rows.ndim != 2:
        hint = "; one vector x goes in as [x]" if rows.ndim == 1 else ""
        raise ValueError(f"{what} must have the shape (n, {dim}), got {rows.shape}{hint}")
    return rows


def _check_id(value: Any, position: int, what: str) -> None:
    if isinstance(value, (bool, np.bool_)) or not hasattr(type(value), "__index__"):
        raise TypeError(f"{what} must be integers: position {position} is {value!r}")
    if not 0 <= operator.index(value) < _ID_END:
        raise ValueError(f"{what} must be in 0 .. 2**63 - 1: position {position} is {value}")


def _from_iterable(values: Any, what: str) -> NDArray[Any]:
    """Return Python integers as an array, each as it is: numpy would turn [True, 2] into [1, 2]."""
    if isinstance(values, (str, bytes)) or not hasattr(type(values), "__iter__"):
        raise TypeError(f"{what} must be integers, got {values!r}")
    values = list(values)
    if set(map(type, values)) <= {int}:
        try:
            return np.array(values, dtype=_INT64)
        except OverflowError:
            pass
    array = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        array[position] = value
    return array


def as_ids(values: Any, what: str = "ids") -> NDArray[np.int64]:
    """Return `values` as a 1-D contiguous int64 array of numbers >= 0."""
    protocols = ("__array__", "__dlpack__", "__cuda_array_interface__")
    is_array = any(hasattr(values, protocol) for protocol in protocols)
    array = to_numpy(values, what) if is_array else _from_iterable(values, what)
    if array.ndim != 1:
        raise ValueError(f"{what} must be one-dimensional, got the shape {array.shape}")
    kind = array.dtype.kind
    if kind == "O":
        for position, value in enumerate(array):
            _check_id(value, position, what)
    elif kind not in "iu":
        first = f": position 0 is {array[0]}" if array.size else ""
        raise TypeError(f"{what} must be integers, got an array of dtype {array.dtype}{first}")
    else:
        outside = array < 0 if kind == "i" else array >= np.uint64(_ID_END)
        if outside.any():
            position = int(outside.argmax())
            _check_id(array[position], position, what)
    return np.require(array, dtype=_INT64, requirements=["C", "A"])
