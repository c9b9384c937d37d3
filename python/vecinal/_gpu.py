"""Arrays on a GPU, of torch, cupy, numba and others that have __cuda_array_interface__."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

# How arrays come to the host, by library: torch, cupy, numba. Each waits for its stream.
_COPIES = ("cpu", "get", "copy_to_host")


def detached(values: Any) -> Any:
    """Return a tensor without what remembers how it came to be, anything else as it is."""
    return values.detach() if hasattr(values, "detach") else values


def on_gpu(values: Any) -> bool:
    """Whether `values` is an array on a GPU."""
    # Most are numpy's, and a search of one query takes microseconds.
    return type(values).__module__ != "numpy" and hasattr(
        detached(values), "__cuda_array_interface__"
    )


def to_host(values: Any, what: str) -> Any:
    """Return a copy of an array on a GPU; TypeError if its library has none."""
    values = detached(values)
    copies = [getattr(values, name) for name in _COPIES if hasattr(values, name)]
    if not copies:
        raise TypeError(f"{what}: a GPU array of {type(values).__name__} has no way to the host")
    return copies[0]()


def _library(values: Any) -> tuple[str, Any]:
    """Return the library of an array, by name, and its module."""
    name = type(values).__module__.partition(".")[0]
    return name, sys.modules.get(name)


def placer(values: Any) -> Callable[[NDArray[Any]], Any] | None:
    """Return what brings an array to the GPU and into the library of `values`, None for the host.

    Called once the array is complete; what it returns may be used on the library's current stream.
    """
    if not on_gpu(values):
        return None
    name, library = _library(values)
    if name == "torch":
        return lambda array: library.from_numpy(array).to(values.device)
    if name == "cupy":

        def to_cupy(array: NDArray[Any]) -> Any:
            with values.device:
                return library.asarray(array)

        return to_cupy
    if name == "numba":
        return lambda array: library.cuda.to_device(array)
    return None


class GpuRows(NamedTuple):
    """Float32 values on a GPU, close together, and what keeps them."""

    owner: Any
    address: int
    shape: tuple[int, ...]
    stream: int  # whose work makes them


def gpu_rows(values: Any) -> GpuRows | None:
    """Return an array on the GPU in use as float32, converted there; None where that cannot be."""
    values = detached(values)
    name, library = _library(values)
    stream = None
    if name == "torch":
        if values.device.index != library.cuda.current_device():
            return None
        values = values.to(library.float32).contiguous()
        stream = library.cuda.current_stream().cuda_stream
    elif name == "cupy":
        if values.device != library.cuda.Device():
            return None
        values = library.ascontiguousarray(values, dtype="float32")
    array = values.__cuda_array_interface__
    if array["typestr"] != "<f4" or array.get("strides") is not None or "mask" in array:
        return None
    if stream is None:
        stream = array.get("stream") or 0
    return GpuRows(values, array["data"][0], tuple(array["shape"]), stream)


def room(like: GpuRows, shape: tuple[int, int]) -> GpuRows | None:
    """Return room for float32 beside `like` in an array of its library; None where it has none."""
    name, library = _library(like.owner)
    if name == "torch":
        made = library.empty(shape, dtype=library.float32, device=like.owner.device)
    elif name == "cupy":
        made = library.empty(shape, dtype="float32")
    elif name == "numba":
        made = library.cuda.device_array(shape, dtype="float32")
    else:
        return None
    return GpuRows(made, made.__cuda_array_interface__["data"][0], shape, like.stream)


def joined(arrays: list[Any]) -> Any:
    """Return arrays on a GPU as one, by their first axis; None where their library cannot."""
    name, library = _library(arrays[0])
    if name == "torch":
        return library.cat([detached(array) for array in arrays])
    return library.concatenate(arrays) if name == "cupy" else None
