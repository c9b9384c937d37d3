"""What a search returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Pair = tuple[NDArray[np.int64], NDArray[np.float32]]
else:
    _Pair = tuple


class Neighbors(_Pair):
    """The pair ``(ids, distances)``, best first, with names.

    ``ids, distances = hits`` unpacks it. A search with one query of shape (d,) gives arrays without
    the leading axis: (k,) instead of (q, k).

    Attributes
    ----------
    ids : ndarray of int64, shape (q, k)
        -1 where fewer than k items were found.
    distances : ndarray of float32, shape (q, k)
        Ascending for every metric: squared Euclidean for "l2", minus the inner product for "ip", 1
        - cosine for "cosine"; +inf where fewer than k items were found. Ties are in the order of
        the ids.
    counts : ndarray of int64, shape (q,)
        How many were found.
    complete : ndarray of bool, shape (q,)
        False where a `timeout` cut the search of a query short.
    stats : dict
        What the search cost, summed over the batch: ``hops``, ``distances``, ``reranked``
        (candidates ranked by the full vectors) and ``exact`` (queries answered by an exact scan).
        And ``allowed``, the items that the filter allows; ``plan``, the way chosen: "walk" where all
        items are allowed, else "inside", "bridge" or "scan", see `Index.search`.
    """

    # What few callers ask for is made when they do: a search of one query takes microseconds.
    _rest: tuple[NDArray[np.int64] | None, NDArray[np.bool_] | None, bytes, str]

    def __new__(
        cls,
        ids: NDArray[np.int64],
        distances: NDArray[np.float32],
        counts: NDArray[np.int64] | None,
        complete: NDArray[np.bool_] | None,
        stats: bytes,
        metric: str,
    ) -> Neighbors:
        self = tuple.__new__(cls, (ids, distances))
        self._rest = (counts, complete, stats, metric)
        return self

    def __getnewargs__(self) -> Any:
        return (self[0], self[1], *self._rest)

    @property
    def counts(self) -> NDArray[np.int64]:
        counts = self._rest[0]
        if counts is None:  # as many as could be
            *queries, k = self[0].shape
            counts = np.full(tuple(queries), k, np.int64)
        return counts[()]  # a number where there is one query

    @property
    def complete(self) -> NDArray[np.bool_]:
        complete = self._rest[1]
        if complete is None:
            complete = np.ones(tuple(self[0].shape[:-1]), np.bool_)
        return complete[()]

    @property
    def stats(self) -> dict[str, Any]:
        return _core.search_stats(self._rest[2])

    @property
    def ids(self) -> NDArray[np.int64]:
        return self[0]

    @property
    def distances(self) -> NDArray[np.float32]:
        return self[1]

    @property
    def similarities(self) -> NDArray[np.float32]:
        """Inner products ("ip") or cosines ("cosine"), descending; shape of `distances`.

        -inf where fewer than k items were found. AttributeError for "l2", which is a distance.
        """
        if self._rest[3] == "ip":
            return -self[1]
        if self._rest[3] == "cosine":
            return 1 - self[1]
        raise AttributeError(f"metric {self._rest[3]!r} has distances but no similarities")

    def __repr__(self) -> str:
        return f"Neighbors(ids={self[0]!r}, distances={self[1]!r})"
