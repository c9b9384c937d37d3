"""What is allowed, and which queries ask for it: shares with every sign of correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = ("uncorrelated", "correlated", "anti-correlated")


@dataclass(frozen=True)
class Case:
    """One filter and the queries that meet it."""

    share: float
    kind: str
    mask: np.ndarray  # (n,) bool
    queries: np.ndarray  # (q, dim) float32
    truth: np.ndarray  # (q, k) float32, ascending distances of the nearest allowed rows


def distances(queries: np.ndarray, rows: np.ndarray, metric: str) -> np.ndarray:
    products = queries @ rows.T
    if metric == "l2":
        return (queries**2).sum(1)[:, None] + (rows**2).sum(1)[None] - 2 * products
    return 1 - products


def make_case(base: np.ndarray, queries: np.ndarray, metric: str, share: float, kind: str,
              count: int, k: int) -> Case:
    """Draws a filter, or takes the rows nearest to one of them and the queries near to or far from it."""
    allowed = round(share * len(base))
    mask = np.zeros(len(base), bool)
    if kind == "uncorrelated":
        mask[np.random.default_rng(1).permutation(len(base))[:allowed]] = True
        asked = queries[:count]
    else:
        anchor = base[len(base) // 3][None]
        mask[np.argsort(distances(anchor, base, metric)[0], kind="stable")[:allowed]] = True
        order = np.argsort(distances(anchor, queries, metric)[0], kind="stable")
        asked = queries[order[:count] if kind == "correlated" else order[-count:]]
    near = np.sort(distances(asked, base[mask], metric), axis=1)[:, :k]
    return Case(share, kind, mask, np.ascontiguousarray(asked), near)


def recall(found: np.ndarray, base: np.ndarray, case: Case, metric: str) -> float:
    """Share of the true distances reached by ids found, (q, k) with -1 for none."""
    hits = 0
    for ids, query, truth in zip(found, case.queries, case.truth):
        ids = ids[ids >= 0]
        assert case.mask[ids].all() and len(set(ids.tolist())) == len(ids)
        hits += int((distances(query[None], base[ids], metric)[0] <= truth[-1] + 1e-5).sum())
    return hits / case.truth.size
