"""Times of calls that return when their results are there."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Container, Hashable, Mapping
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)
LEAST_SECONDS = 2e-3  # a measurement repeats a call for so long at least


class Deadline:
    """Seconds that are left of a run."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return self._end - time.monotonic()


def seconds_of(call: Callable[[], Any]) -> float:
    """Wall-clock seconds of one call, the mean of as many as fill LEAST_SECONDS."""
    calls = 0
    start = time.perf_counter()
    while True:
        call()
        calls += 1
        passed = time.perf_counter() - start
        if passed >= LEAST_SECONDS:
            return passed / calls


def interleaved(calls: Mapping[Key, Callable[[], Any]], repeats: int, deadline: Deadline,
                rivals: Container[Key] = ()) -> tuple[dict[Key, float], dict[Key, str]]:
    """Median seconds of each call after one that warms up, and why rivals have none.

    Rounds visit all calls in an order drawn anew, so that a slow moment hits all alike; after the
    first round they end at the deadline. A rival that raises is left out; what others raise passes.
    """
    times: dict[Key, list[float]] = {key: [] for key in calls}
    faults: dict[Key, str] = {}
    draw = random.Random(0)
    for number in range(repeats + 1):  # round 0 warms up
        if number > 1 and deadline.left() <= 0:
            break
        order = list(times)
        draw.shuffle(order)
        for key in order:
            try:
                passed = seconds_of(calls[key]) if number else calls[key]()
            except Exception as fault:
                if key not in rivals:
                    raise
                faults[key] = f"{type(fault).__name__}: {fault}"
                del times[key]
                continue
            if number:
                times[key].append(passed)
    return {key: statistics.median(runs) for key, runs in times.items()}, faults
