"""Approximate nearest-neighbour search over vectors.

>>> import numpy as np, vecinal
>>> index = vecinal.Index(dim=4, metric="cosine")
>>> ids = index.add(np.eye(4))
>>> index.search([0, 0, 1, 0.1], k=2).ids
array([2, 3])
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import _core
from ._core import Cancelled, CudaError, FormatError, MemoryLimit, NotTrained
from ._fde import FdeEncoder
from ._filter import Bitmap, label
from ._index import Index, _restore, attach
from ._inputs import UINT32_MAX, as_bytes, as_integer, as_path
from ._neighbors import Neighbors
from ._open import LoggedIndex, open
from ._progress import Meter

if TYPE_CHECKING:
    from typing import Protocol

    from typing_extensions import Buffer

    from ._progress import ProgressLike

    class _Readable(Protocol):
        def read(self) -> bytes: ...


__all__ = [
    "Bitmap",
    "Cancelled",
    "CudaError",
    "FdeEncoder",
    "FormatError",
    "Index",
    "LoggedIndex",
    "MemoryLimit",
    "Neighbors",
    "NotTrained",
    "__version__",
    "info",
    "label",
    "load",
    "open",
    "show_config",
]

__version__ = _core.version()


def load(
    source: str | os.PathLike[str] | Buffer | _Readable,
    *,
    mmap: bool = False,
    verify: bool = True,
    threads: int = 0,
    device: Literal["cpu", "cuda"] = "cpu",
    progress: ProgressLike = None,
) -> Index:
    """Load an index; safe with data of doubtful origin, unlike a pickle.

    Parameters
    ----------
    source : path, bytes-like or binary file
        What `Index.save` or ``bytes(index)`` wrote. A str is a path.
    mmap : bool
        Map the file instead of reading it; it must not be truncated meanwhile. Changes of the index
        do not reach the file.
    verify : bool
        Check the checksums of the vectors too; those of headers and graph always are checked.
    threads : int
        As in `Index`.
    device : {"cpu", "cuda"}
        As in `Index`; on whichever device the index was made.
    progress : callable or bool, optional
        Called as ``progress(done, total)`` with bytes of the file, as it is verified, read and
        checked; returning False cancels. True shows a bar.

    Raises
    ------
    FormatError
        Not a sound index; the message names the section and the reason.
    OSError
        The file cannot be read.
    CudaError
        The device "cuda" cannot be used.
    ValueError
        `mmap` without a path.
    Cancelled
        `progress` returned False.
    """
    count = as_integer("threads", threads, 0, UINT32_MAX)
    if not isinstance(device, str):
        raise TypeError(f"device must be a str, got {device!r}")
    if isinstance(source, (str, os.PathLike)):
        with Meter(progress, "load") as callback:
            return attach(
                _core.load_file(
                    as_path(source), bool(mmap), bool(verify), count, device, callback
                )
            )
    if mmap:
        raise ValueError("load: mmap=True needs a path")
    data = source.read() if hasattr(source, "read") else source
    if isinstance(data, str):
        raise TypeError("load: the file must be opened in binary mode")
    try:
        view = as_bytes(data)
    except TypeError:
        raise TypeError(
            f"load takes a path, contiguous bytes or a binary file, got {type(source).__name__}"
        ) from None
    with Meter(progress, "load") as callback:
        return attach(_core.load_bytes(view, bool(verify), count, device, callback))


def info(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a file says of itself, read without loading it.

    Returns
    -------
    dict
        ``version``, ``bytes``, ``size``, ``removed``, ``beam``, ``rerank``,
        ``candidates``, ``config`` (as `Index.config`) and ``sections`` (dicts of ``tag``, ``offset``, ``length``).
    """
    return _core.info(as_path(path))


class _Config(dict[str, Any]):
    def __str__(self) -> str:
        width = max(map(len, self))
        return "\n".join(
            f"{name:{width}}  {', '.join(value) if isinstance(value, list) else value}"
            for name, value in self.items()
        )


def show_config() -> dict[str, Any]:
    """Return how vecinal was built and what it uses; ``print`` it for a report.

    Returns
    -------
    dict
        ``version``, ``simd`` (the instruction set in use), ``simd_supported``, ``threads``,
        ``compiler``, ``cuda`` (the card that device="cuda" uses, or why there is none), ``numpy``. The
        environment variable VECINAL_SIMD chooses another of the supported sets.
    """
    return _Config(**_core.build(), numpy=np.__version__)
