"""Indexes that live in a file: what a call has changed is on the disk when it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core
from ._config import config_record
from ._index import Index
from ._inputs import UINT32_MAX, as_integer, as_path
from ._keywords import explain, explain_unknown
from ._progress import Meter

if TYPE_CHECKING:
    import os

    from typing_extensions import Self

    from ._progress import ProgressLike


class LoggedIndex(Index):
    """An `Index` with a file and a log, which `vecinal.open` returns.

    Calls that change it (`add`, `update`, `remove`, `set_labels`, `train`, `retrain`, `fit_queries`,
    `refine`, `tune`, `compact`, ``defaults = ...``) are all or nothing on the disk too: when they return, the
    change survives a crash of the process or the machine; when they raise, nothing has changed. An
    OSError names the file and the reason. If it came from a sync, nobody knows what the disk holds,
    and changes raise until the index is opened again.

    As a context manager it is closed at the end.
    """

    __slots__ = ()

    _cpp: _core.LoggedIndex

    def __init__(self) -> None:
        raise TypeError("vecinal.open(path) opens an index with a log")

    @explain_unknown
    def save(
        self, path: str | os.PathLike[str] | None = None, *, progress: ProgressLike = None
    ) -> None:
        """Write the index file anew and empty the log; with another path, write a copy.

        The file is replaced as a whole or not at all. Searches go on meanwhile, changes wait. The
        log grows until this is called, and opening the index makes its changes again.

        Parameters
        ----------
        path : path, optional
            Of a copy.
        progress : callable or bool, optional
            Called as ``progress(done, total)`` with bytes of the file; returning False cancels. True shows a bar.

        Raises
        ------
        OSError
            With the path and the reason; file and log are then as they were.
        ValueError
            A closed index, unless a copy is written.
        Cancelled
            `progress` returned False; file and log are as they were.
        """
        with Meter(progress, "save") as callback:
            if path is None:
                self._cpp.checkpoint(callback)
            else:
                self._cpp.save(as_path(path), callback)

    def flush(self) -> None:
        """Return when all changes are on the disk; of use with ``sync=False`` only. Raises OSError."""
        self._cpp.flush()

    def close(self) -> None:
        """Flush, and let go of the log, so that another process can open the index.

        Searches still work, changes raise a ValueError. Raises OSError as `flush` does.
        """
        self._cpp.close()

    @property
    def log(self) -> dict[str, int]:
        """What waits for the next `save`.

        ``records``: changes that the file does not have; ``bytes``: length of the log; ``torn``:
        bytes at its end that `vecinal.open` dropped, of a change that was being written when the
        process or the machine went down.
        """
        return self._cpp.log()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_MAKE = Index.__init__.__wrapped__  # type: ignore[attr-defined]
_DEFAULTS: dict[str, Any] = _MAKE.__kwdefaults__


def open(
    path: str | os.PathLike[str],
    dim: int | None = None,
    *,
    sync: bool = True,
    mmap: bool = False,
    verify: bool = True,
    progress: ProgressLike = None,
    **config: Any,
) -> LoggedIndex:
    """Open the index of a file, or make one; what is changed from then on survives a crash.

    Beside the file lies a log, its name and ``.log``. A change is first written there, and then made;
    opening loads the file and makes the changes of the log again. `LoggedIndex.save` writes the file
    anew and empties the log.

    Parameters
    ----------
    path : path
        A file that `Index.save` wrote can be opened too.
    dim : int, optional
        Dimensions of a vector, to make an index if the file is not there.
    sync : bool
        True: a change is on the disk when its call returns. False: when `LoggedIndex.flush` does; until
        then a crash of the machine may undo the last changes, one of the process undoes none.
    mmap, verify
        As in `vecinal.load`.
    progress : callable or bool, optional
        Called as ``progress(done, total)`` with bytes of the file and then of the log; returning
        False cancels. True shows a bar.
    **config
        The keywords of `Index`. Of an index that is there, and if `dim` is given, all that are saved
        must be the same; ``threads``, ``device`` and ``memory_limit`` may be others.

    Raises
    ------
    BlockingIOError
        The index is open already, here or in another process.
    OSError
        A file cannot be read or written; FileNotFoundError if there is none and no `dim`.
    FormatError
        File or log are damaged, or one does not belong to the other; both stay as they are.
    TypeError, ValueError
        As `Index`; a config unlike that of the file.
    Cancelled
        `progress` returned False.

    Examples
    --------
    >>> import tempfile, numpy as np, vecinal
    >>> folder = tempfile.TemporaryDirectory()
    >>> with vecinal.open(folder.name + "/a.vcn", dim=3) as index:
    ...     ids = index.add(np.eye(3))
    >>> with vecinal.open(folder.name + "/a.vcn") as index:
    ...     len(index), index.log["records"]
    (3, 1)
    >>> folder.cleanup()
    """
    for name in config:
        if name not in _DEFAULTS:
            raise TypeError(explain(_MAKE, "open", name))
    size = 0 if dim is None else as_integer("dim", dim, 1, UINT32_MAX)
    record = config_record({**_DEFAULTS, **config, "dim": size})
    with Meter(progress, "open") as callback:
        core = _core.open_file(
            as_path(path), record, bool(sync), bool(mmap), bool(verify), callback
        )
    return LoggedIndex.__new__(LoggedIndex)._attach(core)
