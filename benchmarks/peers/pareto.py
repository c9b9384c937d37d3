"""The Pareto front of (recall, queries a second) points, and its height at a given recall."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Point = tuple[float, float]  # recall, queries a second


def front(points: Iterable[Point]) -> list[Point]:
    """The points that no other point beats in both, by ascending recall (so falling rate)."""
    kept: list[Point] = []
    for recall, rate in sorted(points, reverse=True):
        if not kept or rate > kept[-1][1]:
            kept.append((recall, rate))
    return kept[::-1]


def rate_at(points: Sequence[Point], recall: float) -> float | None:
    """The rate a front offers at that recall: linear in the logarithm between its points.

    Below the front's first point that point's rate (no setting is faster), above its last point
    None (never reached).
    """
    if not points or recall > points[-1][0]:
        return None
    if recall <= points[0][0]:
        return points[0][1]
    for (low, fast), (high, slow) in zip(points, points[1:]):
        if recall <= high:
            share = (recall - low) / (high - low)
            return math.exp(math.log(fast) * (1 - share) + math.log(slow) * share)
    return None
