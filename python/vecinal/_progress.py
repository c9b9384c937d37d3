"""Progress bars for the calls that take long."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

ProgressLike = Callable[[int, int], bool | None] | bool | None


class Meter:
    """Calls back with (done, total); as a context manager it closes what it opened.

    ``None`` and ``False`` report nothing, ``True`` shows a bar of tqdm or, without tqdm, a line on
    stderr.
    """

    def __init__(self, progress: ProgressLike, label: str) -> None:
        self._label = label
        self._bar: Any = None
        self._printed = False
        self.callback: Callable[[int, int], bool | None] | None
        if progress is None or progress is False:
            self.callback = None
        elif progress is True:
            self.callback = self._open()
        elif callable(progress):
            self.callback = progress
        else:
            raise TypeError(
                f"progress must be a callable (done, total), True or None, got {progress!r}"
            )

    def _open(self) -> Callable[[int, int], None]:
        try:
            tqdm = importlib.import_module("tqdm.auto").tqdm
        except ImportError:
            return self._print
        self._bar = tqdm(desc=self._label)
        return self._update

    def _update(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def _print(self, done: int, total: int) -> None:
        self._printed = True
        print(f"\r{self._label}: {done} of {total}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Callable[[int, int], bool | None] | None:
        return self.callback

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._printed:
            print(file=sys.stderr)
