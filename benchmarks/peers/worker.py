"""The process of one engine: `python worker.py ENGINE FOLDER`, commands as JSON lines on stdin.

    {"command": "build", "threads": 2, "cores": [0, 1]}
        -> {"seconds": 12.3, "cpu_seconds": 24.1, "bytes": 123456789, "settings": [10, 16, ...],
            "below_k": false}
    {"command": "search", "setting": 64, "threads": 1, "cores": [1], "k": 10, "batch": 0,
     "limit": 0, "seconds": 0.3, "ids": "FILE.npy" | null}
        -> {"qps": 12345.6, "cpu_qps": 12400.1, "passes": 4}

"cpu" figures divide by the processor time of the whole process, which other programs on the machine
disturb less than the clock on the wall.

A command that fails answers {"error": "..."}. What an engine prints goes to stderr, never into the
protocol. Between commands the process sleeps in a read.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import datasets
import engines

WARM_UP_QUERIES = 100


def anonymous_bytes() -> int:
    """Resident memory that no file backs: what the engine allocated, not the mapped base.

    Freed heap is handed back first. Resident minus shared of /proc/self/statm, in bytes.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # a C library other than glibc
        ctypes.CDLL(None).malloc_trim(0)
    _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def pin(cores: Sequence[int]) -> None:
    """Confines every thread of this process to the cores; threads made later inherit that."""
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):  # a thread that ended meanwhile
            os.sched_setaffinity(int(thread), cores)


class Clock:
    """Seconds since it was made: on the wall, and of processor time in all threads."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def elapsed(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


class Worker:
    """Holds one engine and one set, and answers commands."""

    def __init__(self, engine: str, folder: Path) -> None:
        registry = engines.ENGINES | engines.EXACT_ENGINES
        importlib.import_module(registry[engine].module)
        self._engine = registry[engine].make()
        self._set = datasets.load(folder)

    def build(self, threads: int, cores: Sequence[int]) -> dict[str, Any]:
        pin(cores)
        self._set.base.sum()  # reads the file now, so that no engine waits for the disk
        before = anonymous_bytes()
        clock = Clock()
        self._engine.build(self._set.base, self._set.metric, threads)
        seconds, cpu_seconds = clock.elapsed()
        return {"seconds": seconds, "cpu_seconds": cpu_seconds,
                "bytes": anonymous_bytes() - before, "settings": list(self._engine.settings()),
                "below_k": getattr(self._engine, "EFFORT_MAY_BE_BELOW_K", False)}

    def search(self, setting: int, threads: int, cores: Sequence[int], k: int, batch: int,
               limit: int, seconds: float, ids: str | None) -> dict[str, Any]:
        """Repeats the queries for at least `seconds` of processor time.

        batch: queries a call, 0 for all; limit: queries used, 0 for all; ids: where to save what
        the last repetition found.
        """
        pin(cores)
        queries = np.array(self._set.queries[:limit or None])
        step = batch or len(queries)
        self._engine.search(queries[:min(WARM_UP_QUERIES, step)], k, setting, threads)
        passes = 0
        clock = Clock()
        while True:
            found = [self._engine.search(queries[row:row + step], k, setting, threads)
                     for row in range(0, len(queries), step)]
            passes += 1
            elapsed, cpu_elapsed = clock.elapsed()
            if cpu_elapsed >= seconds:
                break
        if ids:
            np.save(ids, np.concatenate(found).astype(np.int64))
        answered = passes * len(queries)
        return {"qps": answered / elapsed, "cpu_qps": answered / cpu_elapsed, "passes": passes}


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(sys.argv[1], Path(sys.argv[2]))
    actions = {"build": worker.build, "search": worker.search}
    for line in sys.stdin:
        arguments = json.loads(line)
        try:
            reply = actions[arguments.pop("command")](**arguments)
        except Exception as fault:  # an engine may raise anything; the parent reports it
            reply = {"error": f"{type(fault).__name__}: {fault}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
