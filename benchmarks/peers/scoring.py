"""Recall with ties tolerated: an id counts if its distance is no worse than the true k-th."""

from __future__ import annotations

import numpy as np

import datasets

RELATIVE = 1e-5
ABSOLUTE = 1e-6
CHUNK = 256  # queries scored at once


def recall(dataset: datasets.Dataset, ids: np.ndarray, k: int) -> float:
    """The mean share of k true neighbours that ids (q, k) hold.

    A hit is an id, counted once a query, whose exact distance is at most that of the true k-th
    neighbour * (1 + 1e-5) + 1e-6 (l2: relative to it; cosine and ip: beside its magnitude).
    Ids outside the base are misses. Distances are computed here, in double precision.
    """
    hits = 0
    for start in range(0, len(ids), CHUNK):
        rows = slice(start, start + CHUNK)
        hits += _hits(dataset, rows, np.asarray(ids[rows, :k], dtype=np.int64), k)
    return hits / (len(ids) * k)


def _hits(dataset: datasets.Dataset, rows: slice, ids: np.ndarray, k: int) -> int:
    queries = dataset.queries[rows].astype(np.float64)[:len(ids)]
    kth = _distances(dataset, queries, dataset.truth[rows][:len(ids), k - 1:k])
    valid = (ids >= 0) & (ids < len(dataset.base))
    ids = np.sort(np.where(valid, ids, -1), axis=1)
    valid = ids >= 0
    valid[:, 1:] &= ids[:, 1:] != ids[:, :-1]
    found = _distances(dataset, queries, np.maximum(ids, 0))
    return int(np.count_nonzero(valid & (found <= kth + np.abs(kth) * RELATIVE + ABSOLUTE)))


def _distances(dataset: datasets.Dataset, queries: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Distances (q, m) of each query (q, dim) to the rows ids (q, m); smaller is closer."""
    items = dataset.base[ids].astype(np.float64)
    if dataset.metric == "l2":
        return np.square(items - queries[:, None, :]).sum(axis=2)
    products = np.einsum("qd,qmd->qm", queries, items)
    return 1.0 - products if dataset.metric == "cosine" else -products
