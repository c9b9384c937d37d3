"""vecinal for ann-benchmarks and VIBE: the class that their runners load.

Copy this folder to `ann_benchmarks/algorithms/vecinal` (or `vibe/algorithms/vecinal`). Where the
runner's package is not there, the class stands alone: tests/python/test_ann_benchmarks.py drives it
as the runners do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import vecinal

try:
    from ..base.module import BaseANN
except ImportError:
    BaseANN = object  # type: ignore[assignment, misc]

METRICS = {
    "angular": "cosine",
    "cosine": "cosine",
    "normalized": "cosine",
    "euclidean": "l2",
    "ip": "ip",
}


class Vecinal(BaseANN):
    """metric: the runner's name. config: keywords of `vecinal.Index`."""

    def __init__(self, metric: str, config: dict[str, Any]) -> None:
        if metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
        self._metric = METRICS[metric]
        self._config = dict(config)
        self._search: dict[str, float] = {}
        self._found: vecinal.Neighbors | None = None
        self._prepared: tuple[np.ndarray, int] | None = None

    def fit(self, X: np.ndarray) -> None:
        rows = np.ascontiguousarray(X, dtype=np.float32)
        self._index = vecinal.Index(rows.shape[1], metric=self._metric, **self._config)
        self._index.add(rows)

    def set_query_arguments(self, beam: int, gamma: float = 0.0, rerank: int = 0) -> None:
        """The runner calls this with each entry of query_args."""
        self._search = {"beam": beam, "gamma": gamma, "rerank": rerank}

    def query(self, v: np.ndarray, n: int) -> np.ndarray:
        return self._index.search(v, k=n, threads=1, **self._search).ids

    def prepare_query(self, v: np.ndarray, n: int) -> None:
        self._prepared = (np.ascontiguousarray(v, dtype=np.float32), n)

    def run_prepared_query(self) -> None:
        assert self._prepared is not None
        query, n = self._prepared
        self._found = self._index.search(query, k=n, threads=1, **self._search)

    def get_prepared_query_results(self) -> np.ndarray:
        assert self._found is not None
        return self._found.ids

    def batch_query(self, X: np.ndarray, n: int) -> None:
        self._found = self._index.search(X, k=n, **self._search)

    def get_batch_results(self) -> np.ndarray:
        assert self._found is not None
        return self._found.ids

    def get_memory_usage(self) -> float:
        """In KiB, as the runners expect."""
        return self._index.stats()["bytes"] / 1024

    def get_additional(self) -> dict[str, float]:
        """What the last search cost."""
        stats = {} if self._found is None else self._found.stats
        return {name: float(stats[name]) for name in ("hops", "distances") if name in stats}

    def done(self) -> None:
        """Nothing outlives the object."""

    def __str__(self) -> str:
        words = ", ".join(f"{name}={value}" for name, value in {**self._config, **self._search}.items())
        return f"vecinal({words})"
