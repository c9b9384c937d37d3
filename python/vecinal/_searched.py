"""How an index is searched: the part of `Index` that neither adds nor keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._filter import as_filter
from ._gpu import placer
from ._inputs import UINT32_MAX, as_integer, as_matrix, as_real, as_rows, as_share
from ._keywords import explain_unknown
from ._neighbors import Neighbors
from ._progress import Meter
from ._sets import as_candidates, as_sets
from ._stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from numpy.typing import ArrayLike

    from ._filter import FilterLike
    from ._progress import ProgressLike
    from ._sets import Parts, SetsLike


_NO_TIMEOUT = (1 << 63) - 1


def as_nanoseconds(timeout: float) -> int:
    seconds = as_real("timeout", timeout)
    if not seconds >= 0:
        raise ValueError(f"timeout must be 0 seconds or more, got {timeout!r}")
    return min(int(min(seconds, 1e9) * 1e9), _NO_TIMEOUT)


class Searched(Stored):
    """The base of `Index`: queries and their answers."""

    __slots__ = ()

    def _items(self, values: SetsLike, what: str, offsets: ArrayLike | None = None) -> Parts:
        if self._metric == "chamfer":
            return as_sets(values, self.dim, what, offsets)
        if offsets is not None:
            raise ValueError(f'offsets go with the metric "chamfer", not {self._metric!r}')
        return as_matrix(values, self.dim, what), None  # type: ignore[arg-type]

    def _queries(self, values: SetsLike, offsets: ArrayLike | None) -> tuple[Parts, bool]:
        """Return the queries, and whether there is one that came without a leading axis."""
        if self._metric != "chamfer":
            rows = as_rows(values, "Q")  # type: ignore[arg-type]
            if offsets is None and rows.ndim in (1, 2):
                return (rows, None), rows.ndim == 1
            if rows.ndim != 2:
                raise ValueError(
                    f"Q must have the shape (q, {self.dim}) or ({self.dim},), got {rows.shape}"
                )
            return self._items(rows, "Q", offsets), False
        is_one = getattr(values, "ndim", None) == 2 and offsets is None
        return self._items([values] if is_one else values, "Q", offsets), is_one  # type: ignore

    def _hits(self, values: SetsLike, found: tuple[Any, ...]) -> Neighbors:
        """Return what was found, ids and distances where the queries are."""
        ids, distances, counts, complete, stats = found
        place = placer(values)
        if place is not None:
            ids, distances = place(ids), place(distances)
        return Neighbors(ids, distances, counts, complete, stats, self._metric)

    @explain_unknown
    def search(
        self,
        Q: SetsLike,
        k: int = 10,
        *,
        offsets: ArrayLike | None = None,
        recall: float | None = None,
        beam: int | None = None,
        rerank: int | None = None,
        gamma: float | None = None,
        reduced_dim: int | None = None,
        candidates: int | None = None,
        carving: float = 0.0,
        filter: FilterLike | None = None,
        plan: Literal["auto", "inside", "bridge", "scan"] = "auto",
        timeout: float | None = None,
        exact: bool = False,
        threads: int = 0,
        progress: ProgressLike = None,
    ) -> Neighbors:
        """Find the k nearest items of every query.

        Parameters
        ----------
        Q : array_like, shape (q, dim) or (dim,)
            The queries. One query of shape (dim,) gives arrays without the leading axis. With
            "chamfer": as in `add`, and one query has the shape (t, dim).
        k : int
            Items for each query. Where fewer exist, the id is -1 and the distance +inf.
        offsets : array_like of int, optional
            With "chamfer": as in `add`.
        recall : float, optional
            In (0, 1]: search with what `tune` found for this recall, or for the next one above, at
            this `k` or a larger one; in place of `beam`, `rerank`, `gamma`, `candidates` and
            `reduced_dim`. ``stats()["tuned"]`` lists what there is.
        beam : int, optional
            Candidates kept while walking the graph (ef_search): more find more and take longer.
            By default the index's own, see `defaults` and `tune`. With the fused layout: nodes
            expanded, which may be fewer than k.
        rerank : int, optional
            How many of them the full vectors rank, where the walked ones are not those; at least as
            many as the beam. By default, or 0, the index's own, see `defaults` and `tune`. With the
            fused layout: nodes scored at most; 0 is the beam and twice k.
        gamma : float, optional
            With the fused layout, "l2" and "cosine": the walk ends when the best node left is
            farther than the k-th best found by the factor 1 + gamma, if the beam does not end it.
            By default, or 0, the index's own, see `defaults` and `tune`.
        reduced_dim : int, optional
            Walk over only so many of the reduced dimensions, rounded up to a multiple of 32. By
            default, or 0, all. Not for rotated vectors.
        candidates : int, optional
            With "chamfer": how many sets, found by their encodings, their vectors rank. By default,
            or 0, the index's own, see `defaults` and `tune`.
        carving : float
            With "chamfer": in the ranking, vectors of a query at least so similar (cosine) to one
            of them count as their sum, which is faster; 0 is none. MUVERA reports no loss from 0.7 on.
        filter : optional
            Which ids may be found, for the whole batch: a bool mask (``mask[i]`` allows id i),
            integers (the allowed ids), a `Bitmap`, or a callable ``id -> bool`` (slow: it is asked
            for every item of the index). Whenever k allowed items exist, k are found.
        plan : {"auto", "inside", "bridge", "scan"}
            How to go about a filter: "auto" takes the cheapest, by counts of what is allowed, and
            ``hits.stats["plan"]`` tells which. "inside" walks the graph through all items and keeps
            the allowed ones, "bridge" steps over those that are not allowed, "scan" compares with
            every allowed item, as a walk that finds too little does in the end.
        timeout : float, optional
            Seconds, 0 or more. When they are over, queries get what was found so far, which may be
            nothing, and are marked in ``hits.complete``.
        exact : bool
            Compare with every allowed item instead of walking the graph.
        threads : int
            0 is the index's own number.
        progress : callable or bool, optional
            Called as ``progress(done, total)``; returning False cancels. True shows a bar.

        Returns
        -------
        Neighbors
            ``(ids, distances)``, int64 and float32 of the shape (q, k), with names and more; they
            are arrays of torch, cupy or numba on the GPU where the queries are that.

        Raises
        ------
        ValueError
            Another shape, k < 1, a `recall` out of its range, not tuned (with what is) or given
            together with what it chooses, a `plan` that is not known, a `timeout` below 0, a `reduced_dim` that the index cannot walk, or, with its row: a
            value that is not finite, a zero query with "cosine".
        TypeError
            A dtype that is not a real number; a filter or a number of another type.
        Cancelled
            `progress` returned False.
        """
        parts, is_one = self._queries(Q, offsets)
        k = as_integer("k", k, 1, UINT32_MAX)
        widths = (
            0.0 if recall is None else as_share("recall", recall),
            0 if beam is None else as_integer("beam", beam, 1, UINT32_MAX),
            0 if rerank is None else as_integer("rerank", rerank, 0, UINT32_MAX),
            0.0 if gamma is None else as_real("gamma", gamma),
            0 if reduced_dim is None else as_integer("reduced_dim", reduced_dim, 0, UINT32_MAX),
            0 if candidates is None else as_integer("candidates", candidates, 0, UINT32_MAX),
            float(carving),
        )
        threads = as_integer("threads", threads, 0, UINT32_MAX)
        if not isinstance(plan, str):
            raise TypeError(f"plan must be a str, got {plan!r}")
        limit = _NO_TIMEOUT if timeout is None else as_nanoseconds(timeout)
        allowed = None if filter is None else as_filter(filter)
        if progress is None:
            found = self._cpp.search(
                *parts, k, *widths, allowed, plan, limit, bool(exact), threads, None, is_one
            )
        else:
            with Meter(progress, "search") as callback:
                found = self._cpp.search(
                    *parts, k, *widths, allowed, plan, limit, bool(exact), threads, callback, is_one
                )
        return self._hits(Q, found)

    @explain_unknown
    def rerank(
        self,
        Q: SetsLike,
        ids: ArrayLike | Iterable[ArrayLike],
        k: int = 10,
        *,
        offsets: ArrayLike | None = None,
        carving: float = 0.0,
        threads: int = 0,
        progress: ProgressLike = None,
    ) -> Neighbors:
        """Find the k nearest of every query among candidates that were found elsewhere.

        Parameters
        ----------
        Q : array_like
            The queries, as in `search`.
        ids : array_like of int, shape (q, c), or a list of lists
            The candidates of every query. -1, ids that are not in the index and repeated ones count
            for nothing.
        k, offsets, carving, threads, progress
            As in `search`.

        Returns
        -------
        Neighbors
            As from `search`: distances by the full vectors.

        Raises
        ------
        ValueError
            As `search`, or another number of lists than of queries.
        """
        parts, is_one = self._queries(Q, offsets)
        count = 1 if is_one else len(parts[0]) if parts[1] is None else len(parts[1]) - 1
        given = as_candidates(ids, count)
        k = as_integer("k", k, 1, UINT32_MAX)
        threads = as_integer("threads", threads, 0, UINT32_MAX)
        with Meter(progress, "rerank") as callback:
            found = self._cpp.rerank(
                *parts, given.ravel(), k, float(carving), threads, callback, is_one
            )
        return self._hits(Q, found)

    @explain_unknown
    def tune(
        self, Q: SetsLike, recall: float = 0.95, k: int = 10, *, progress: ProgressLike = None
    ) -> dict[str, Any]:
        """Find the cheapest settings that reach a recall, and keep them.

        They become the `defaults`, and searches that ask for this `recall` get them, also after
        other calls: a file keeps all. `retrain`, `fit_queries` and `refine` give them up, since they
        change what a beam finds. `add` and `remove` do not: when the items have become many more or others,
        call it again; ``stats()["tuned"]`` says how many there were.

        Parameters
        ----------
        Q : array_like, shape (q, dim)
            A sample of the queries, not of the items, as in `search`.
        recall : float
            In (0, 1]: the share of the k nearest, by exact search over the stored vectors, that
            must be found.
        k : int
            At which the recall is measured.
        progress : callable or bool, optional
            Called as ``progress(done, total)``, queries answered of as many as are usually needed;
            returning False cancels. True shows a bar.

        Returns
        -------
        dict
            ``target`` and ``k`` as asked for; ``beam``, ``rerank`` (0 where the walked vectors rank
            the answers themselves), ``gamma``, ``candidates`` (0 but with "chamfer"); the ``items``
            in the index; and the ``recall`` measured on the queries that chose them: below the
            target if none reach it, and then they only become the defaults. ``checked_recall`` is that of
            the queries held back, every other one of 40 or more, and ``checked_low`` ..
            ``checked_high`` its 95 % confidence interval: what to expect of other queries.

        Raises
        ------
        ValueError
            `recall` out of its range, no queries, or an empty index.
        Cancelled
            `progress` returned False; nothing has changed.
        """
        parts = self._items(Q, "Q")
        k = as_integer("k", k, 1, UINT32_MAX)
        with Meter(progress, "tune") as callback:
            return self._cpp.tune(*parts, float(recall), k, callback)
