"""The reference: float64 distances to every item, sorted."""

from __future__ import annotations

import numpy as np


def distances(metric: str, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(q, dim) and (n, dim) -> (q, n) float64, ascending = closer."""
    q, x = np.asarray(queries, np.float64), np.asarray(rows, np.float64)
    if metric == "l2":
        return ((q[:, None, :] - x[None, :, :]) ** 2).sum(2)
    if metric == "ip":
        return -(q @ x.T)
    q = q / np.linalg.norm(q, axis=1, keepdims=True)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return 1 - q @ x.T


def check_hits(hits, metric, queries, ids, rows, k, atol=1e-5, rtol=1e-5):
    """Fail unless hits are the k nearest rows, up to rounding; ids[i] is the id of rows[i]."""
    ids = np.asarray(ids, np.int64)
    count = min(k, len(ids))
    assert hits.ids.shape == hits.distances.shape == (len(queries), k)
    assert (hits.counts == count).all()
    assert (hits.ids[:, count:] == -1).all() and np.isposinf(hits.distances[:, count:]).all()
    if count == 0:
        return
    truth = distances(metric, queries, rows)
    np.testing.assert_allclose(
        hits.distances[:, :count], np.sort(truth, axis=1)[:, :count], rtol, atol
    )
    position = {int(id): i for i, id in enumerate(ids)}
    for q, found in enumerate(hits.ids[:, :count].tolist()):
        assert len(set(found)) == count, "an id comes twice"
        own = truth[q, [position[id] for id in found]]
        np.testing.assert_allclose(hits.distances[q, :count], own, rtol, atol)


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    """Share of the true ids that were found, over (q, k) arrays."""
    k = truth.shape[1]
    return float(
        np.mean([len(set(f[:k]) & set(t)) / k for f, t in zip(found.tolist(), truth.tolist())])
    )
