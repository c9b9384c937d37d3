"""The program of muvera_rs/, which encodes by the Rust crate: cargo build --release there."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy


class MuveraRs:
    """Sets of vectors, and the program that encodes them as so many values each."""

    def __init__(self, program: pathlib.Path, rows: numpy.ndarray, offsets: numpy.ndarray,
                 values: int, threads: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._sets, self._values = len(offsets) - 1, values
        tokens, ends = (pathlib.Path(self._folder.name) / name for name in ("tokens", "offsets"))
        rows.astype("<f4").tofile(tokens)
        offsets.astype("<u8").tofile(ends)
        self._running = subprocess.Popen(
            [program, tokens, ends, str(rows.shape[1]), str(values), str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> MuveraRs:
        return self

    def __exit__(self, *_: Any) -> None:
        self._running.terminate()
        self._running.communicate()
        self._folder.cleanup()

    def _ask(self, line: str) -> str:
        assert self._running.stdin is not None and self._running.stdout is not None
        self._running.stdin.write(line + "\n")
        self._running.stdin.flush()
        return self._running.stdout.readline()

    def encode(self) -> float:
        """Encode all as documents once; return sets a second."""
        return self._sets / float(self._ask(""))

    def encodings(self, kind: str) -> numpy.ndarray:
        """Return the encodings of all sets as "documents" or "queries"."""
        import numpy

        file = pathlib.Path(self._folder.name) / kind
        self._ask(f"{kind} {file}")
        return numpy.fromfile(file, "<f4").reshape(self._sets, self._values)
