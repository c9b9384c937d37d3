"""The index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core
from ._fde import fde_params
from ._filter import as_filter
from ._inputs import as_bytes, as_ids, as_integer, as_matrix, as_optional, as_rows
from ._keywords import explain_unknown
from ._neighbors import Neighbors
from ._progress import Meter
from ._sets import as_candidates, as_sets
from ._stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal, SupportsIndex

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from ._filter import FilterLike
    from ._progress import ProgressLike
    from ._sets import Parts, SetsLike

UINT32_MAX = (1 << 32) - 1


class Index(Stored):
    """An index of vectors that answers nearest-neighbour queries.

    Parameters
    ----------
    dim : int
        Dimensions of a vector, 1 .. 65,536.
    metric : {"l2", "ip", "cosine", "chamfer"}
        Squared Euclidean distance, inner product or cosine of single vectors. "chamfer": items and
        queries are sets of vectors, compared by the sum, over the query's vectors, of the greatest
        inner product with one of the item's (MaxSim of late interaction). An encoding of each set
        as one vector finds candidates (see `FdeEncoder`), and their vectors rank them; `encoding`,
        `reduce` and `graph` are then those of the encodings.
    encoding : {"f32", "f16", "lvq8", "lvq4", "lvq4x4", "lvq4x8", "lvq8x8"}
        How a vector is kept in memory: 4 or 2 bytes a dimension, or 8 or 4 bits and 8 bytes a
        vector (LVQ). With two numbers the graph is walked over the first level, and the second,
        which holds what the first left over, ranks the answers.
    reduce : {"pca", "leanvec_ood", "prefix"} or None
        The graph is walked over fewer dimensions, and vectors of all dimensions rank the answers:
        the principal ones, those that matter to the queries given to `train` (LeanVec; they may be
        distributed unlike the items), or the first ones (Matryoshka embeddings).
    reduced_dim : int, optional
        How many, 1 .. dim. By default, or 0, the fewest that carry most of the energy.
    quantizer : {"auto", "plain", "fitted", "rotated", "rotated_fitted"}
        How "lvq" codes find their grid: by the range of a vector or by the least error, after a
        random rotation or not. "auto" measures on a sample and takes the best.
    keep : {"f16", "f32"} or None
        With "lvq8" and "lvq4": vectors kept besides, which rank the answers.
    fde : dict, optional
        With "chamfer": parameters of `FdeEncoder`.
    tokens : {"lvq8", "f16", "f32"}
        With "chamfer": how the vectors of the sets are kept.
    pooling : int
        With "chamfer": an item keeps one in so many of its vectors, the means of clusters; 1 is all
        of them.
    graph : {"hnsw"} or None
        Approximate search over a graph, or exact search over all vectors.
    degree : int
        Links of a node, even, 4 .. 256 (2 * M in the words of HNSW).
    build_beam : int
        Candidates kept while a node is inserted (ef_construction).
    order : {"shuffled", "given", "lid"}
        The order in which one `add` inserts its items into the graph: a permutation drawn from the
        seed, as they come, or by descending local intrinsic dimensionality.
    threads : int
        For `add` and `search`; 0 is all cores. Results do not depend on it. Not saved.
    seed : int
        Same seed, same data: same index, byte for byte.

    Raises
    ------
    TypeError
        A keyword that is not known, or a value of another type.
    ValueError
        A value out of its range, a name that is not known (with those that are), or values that do
        not go together.

    Notes
    -----
    Arrays of any real dtype (also float16, bfloat16, integers), byte order and memory layout, lists
    and CPU tensors are accepted and answer as their contiguous float32 copy does. float32 arrays
    with contiguous rows are not copied. bool, complex, string and object arrays raise a TypeError.

    Any number of searches may run beside each other and beside one call that changes the index;
    those calls wait for each other. The calls that take long release the interpreter lock, and
    Ctrl-C stops `add`, `retrain` and `search` and leaves the index as it was.

    Examples
    --------
    >>> import numpy as np, vecinal
    >>> index = vecinal.Index(dim=3, metric="l2")
    >>> index.add(np.eye(3))
    array([0, 1, 2])
    >>> ids, distances = index.search([0.9, 0.1, 0.0], k=2)
    >>> ids
    array([0, 1])
    """

    __slots__ = ()

    @explain_unknown
    def __init__(
        self,
        dim: int,
        *,
        metric: Literal["l2", "ip", "cosine", "chamfer"] = "l2",
        encoding: Literal["f32", "f16", "lvq8", "lvq4", "lvq4x4", "lvq4x8", "lvq8x8"] = "f32",
        reduce: Literal["pca", "leanvec_ood", "prefix"] | None = None,
        reduced_dim: int | None = None,
        quantizer: Literal["auto", "plain", "fitted", "rotated", "rotated_fitted"] = "auto",
        keep: Literal["f16", "f32"] | None = None,
        fde: Mapping[str, Any] | None = None,
        tokens: Literal["lvq8", "f16", "f32"] = "lvq8",
        pooling: int = 1,
        graph: Literal["hnsw"] | None = "hnsw",
        degree: int = 32,
        build_beam: int = 200,
        order: Literal["shuffled", "given", "lid"] = "shuffled",
        threads: int = 0,
        seed: int = 0,
    ) -> None:
        names = {
            "metric": metric,
            "encoding": encoding,
            "reduce": "none" if reduce is None else reduce,
            "quantizer": quantizer,
            "keep": "none" if keep is None else keep,
            "tokens": tokens,
            "graph": "none" if graph is None else graph,
            "order": order,
        }
        for name, value in names.items():
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a str, got {value!r}")
        numbers = {
            "dim": as_integer("dim", dim, 1, UINT32_MAX),
            "reduced_dim": as_optional("reduced_dim", reduced_dim, 0, UINT32_MAX),
            "pooling": as_integer("pooling", pooling, 0, UINT32_MAX),
            "degree": as_integer("degree", degree, 0, UINT32_MAX),
            "build_beam": as_integer("build_beam", build_beam, 0, UINT32_MAX),
            "threads": as_integer("threads", threads, 0, UINT32_MAX),
            "seed": as_integer("seed", seed, 0, (1 << 64) - 1),
        }
        if fde is not None and metric != "chamfer":
            raise ValueError(f'fde goes with the metric "chamfer", got {metric!r}')
        self._attach(_core.Index({**names, **numbers, "fde": fde_params(fde or {})}))

    def train(self, X: SetsLike, queries: SetsLike | None = None) -> None:
        """Learn what `encoding` and `reduce` need; the first `add` does if this was not called.

        "f32" and "f16" without `reduce` need nothing: the sample is then only checked.

        Parameters
        ----------
        X : array_like, shape (n, dim)
            A sample of the items, as in `add`.
        queries : array_like, shape (m, dim), optional
            A sample of the queries to come, for ``reduce="leanvec_ood"``, as in `search`.

        Raises
        ------
        ValueError
            Another shape, a value that is not finite or a zero vector with "cosine" (with its row),
            fewer vectors than `reduced_dim`, or an index that holds vectors: see `retrain`.
        NotTrained
            "leanvec_ood" without queries.
        """
        self._cpp.train(*self._items(X, "X"), *self._sample(queries))

    def _items(self, values: SetsLike, what: str, offsets: ArrayLike | None = None) -> Parts:
        if self._metric == "chamfer":
            return as_sets(values, self.dim, what, offsets)
        if offsets is not None:
            raise ValueError(f'offsets go with the metric "chamfer", not {self._metric!r}')
        return as_matrix(values, self.dim, what), None  # type: ignore[arg-type]

    def _sample(self, queries: SetsLike | None) -> Parts | tuple[None, None]:
        return (None, None) if queries is None else self._items(queries, "queries")

    def _queries(self, values: SetsLike, offsets: ArrayLike | None) -> tuple[Parts, bool]:
        """Return the queries, and whether there is one that came without a leading axis."""
        if self._metric != "chamfer":
            rows = as_rows(values, "Q")  # type: ignore[arg-type]
            if rows.ndim == 1 and offsets is None:
                return (rows[None], None), True
            if rows.ndim != 2:
                raise ValueError(
                    f"Q must have the shape (q, {self.dim}) or ({self.dim},), got {rows.shape}"
                )
            return self._items(rows, "Q", offsets), False
        is_one = getattr(values, "ndim", None) == 2 and offsets is None
        return self._items([values] if is_one else values, "Q", offsets), is_one  # type: ignore

    @explain_unknown
    def retrain(
        self, queries: SetsLike | None = None, *, progress: ProgressLike = None
    ) -> None:
        """Learn again from the vectors in the index, as it stores them, and encode them anew.

        For items that have drifted (``stats()["added_error"]``). Ids and graph stay. Needs memory
        for the old and the new form at once. `progress` and Ctrl-C are heeded while it encodes, not
        while it learns.

        Parameters
        ----------
        queries : array_like, shape (m, dim), optional
            As in `train`.
        progress : callable or bool, optional
            Called as ``progress(done, total)``; returning False cancels. True shows a bar.

        Raises
        ------
        ValueError
            As `train`.
        NotTrained
            An index that never held a vector, or "leanvec_ood" without queries.
        Cancelled
            `progress` returned False; nothing has changed.
        """
        sample = self._sample(queries)
        with Meter(progress, "retrain") as callback:
            self._cpp.retrain(sample[0], sample[1], callback)

    @explain_unknown
    def add(
        self,
        X: SetsLike,
        ids: ArrayLike | Iterable[int] | None = None,
        *,
        offsets: ArrayLike | None = None,
        progress: ProgressLike = None,
    ) -> NDArray[np.int64]:
        """Add vectors, or sets of them: all, or none if it raises.

        Parameters
        ----------
        X : array_like, shape (n, dim)
            One vector a row; n may be 0. With "chamfer": a list of arrays of the shapes (t_i, dim),
            one array (n, t, dim), or with `offsets` the vectors of all sets, (m, dim).
        ids : array_like of int, shape (n,), optional
            Distinct, 0 .. 2**63 - 1, not in the index. By default the n numbers after the largest
            id ever used.
        offsets : array_like of int, shape (n + 1,), optional
            With "chamfer": set i is the rows ``offsets[i]`` to ``offsets[i + 1]``.
        progress : callable or bool, optional
            Called as ``progress(done, total)``; returning False cancels. True shows a bar.

        Returns
        -------
        ndarray of int64, shape (n,)
            The ids in the order of the rows.

        Raises
        ------
        ValueError
            Another shape, a value that is not finite, a zero vector with "cosine", an id that is
            negative, repeated or in the index, an empty set, a value beyond what the encoding holds:
            with its row or set. Vectors too few to train on, see `train`.
        TypeError
            A dtype that is not a real number; ids that are not integers.
        NotTrained
            ``reduce="leanvec_ood"`` and `train` was not called.
        Cancelled
            `progress` returned False.
        """
        rows, starts = self._items(X, "X", offsets)
        given = None
        if ids is not None:
            given = as_ids(ids)
            count = len(rows) if starts is None else len(starts) - 1
            if len(given) != count:
                kind = "rows" if starts is None else "sets"
                raise ValueError(f"add: {count} {kind} but {len(given)} ids")
        if progress is None:
            return self._cpp.add(rows, starts, given, None)
        with Meter(progress, "add") as callback:
            return self._cpp.add(rows, starts, given, callback)

    def remove(self, ids: SupportsIndex | ArrayLike | Iterable[int]) -> int:
        """Remove one id or several; those that are not in the index are ignored.

        Parameters
        ----------
        ids : int or array_like of int, shape (n,)

        Returns
        -------
        int
            How many were removed.
        """
        is_one = hasattr(type(ids), "__index__") and getattr(ids, "ndim", 0) == 0
        return self._cpp.remove(as_ids([ids] if is_one else ids))

    @explain_unknown
    def search(
        self,
        Q: SetsLike,
        k: int = 10,
        *,
        offsets: ArrayLike | None = None,
        beam: int | None = None,
        rerank: int | None = None,
        reduced_dim: int | None = None,
        candidates: int | None = None,
        carving: float = 0.0,
        filter: FilterLike | None = None,
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
        beam : int, optional
            Candidates kept while walking the graph (ef_search): more find more and take longer.
            By default the index's own, see `defaults` and `tune`.
        rerank : int, optional
            How many of them the full vectors rank, where the walked ones are not those; at least as
            many as the beam. By default, or 0, the index's own, see `defaults` and `tune`.
        reduced_dim : int, optional
            Walk over only so many of the reduced dimensions, rounded up to a multiple of 32. By
            default, or 0, all. Not for rotated vectors.
        candidates : int, optional
            With "chamfer": how many sets, found by their encodings, their vectors rank. By default,
            or 0, the index's own, see `defaults` and `tune`.
        carving : float
            With "chamfer": in the ranking, vectors of a query at least so similar (cosine) to one
            of them count as their sum, which is faster; 0 is none, 0.7 costs little recall.
        filter : optional
            Which ids may be found, for the whole batch: a bool mask (``mask[i]`` allows id i),
            integers (the allowed ids), a `Bitmap`, or a callable ``id -> bool`` (slow: it is asked
            for every item of the index). Whenever k allowed items exist, k are found.
        exact : bool
            Compare with every allowed item instead of walking the graph.
        threads : int
            0 is the index's own number.
        progress : callable or bool, optional
            Called as ``progress(done, total)``; returning False cancels. True shows a bar.

        Returns
        -------
        Neighbors
            ``(ids, distances)``, int64 and float32 of the shape (q, k), with names and more.

        Raises
        ------
        ValueError
            Another shape, k < 1, a `reduced_dim` that the index cannot walk, or, with its row: a
            value that is not finite, a zero query with "cosine".
        TypeError
            A dtype that is not a real number; a filter or a number of another type.
        Cancelled
            `progress` returned False.
        """
        parts, is_one = self._queries(Q, offsets)
        k = as_integer("k", k, 1, UINT32_MAX)
        widths = (
            as_optional("beam", beam, 1, UINT32_MAX),
            as_optional("rerank", rerank, 0, UINT32_MAX),
            as_optional("reduced_dim", reduced_dim, 0, UINT32_MAX),
            as_optional("candidates", candidates, 0, UINT32_MAX),
            float(carving),
        )
        threads = as_integer("threads", threads, 0, UINT32_MAX)
        allowed = None if filter is None else as_filter(filter)
        if progress is None:
            found = self._cpp.search(*parts, k, *widths, allowed, bool(exact), threads, None)
        else:
            with Meter(progress, "search") as callback:
                found = self._cpp.search(
                    *parts, k, *widths, allowed, bool(exact), threads, callback
                )
        return self._found(found, is_one)

    def _found(self, found: Any, is_one: bool) -> Neighbors:
        ids, distances, counts, stats = found
        if is_one:
            ids, distances, counts = ids[0], distances[0], counts[0]
        return Neighbors(ids, distances, counts, stats, self._metric)

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
        count = len(parts[0]) if parts[1] is None else len(parts[1]) - 1
        given = as_candidates(ids, count)
        k = as_integer("k", k, 1, UINT32_MAX)
        threads = as_integer("threads", threads, 0, UINT32_MAX)
        with Meter(progress, "rerank") as callback:
            found = self._cpp.rerank(*parts, given.ravel(), k, float(carving), threads, callback)
        return self._found(found, is_one)

    def tune(self, Q: SetsLike, recall: float = 0.95, k: int = 10) -> dict[str, Any]:
        """Find the cheapest `defaults` that reach a recall, and keep them.

        Parameters
        ----------
        Q : array_like, shape (q, dim)
            A sample of the queries, not of the items, as in `search`.
        recall : float
            In (0, 1]: the share of the k nearest, by exact search over the stored vectors, that
            must be found.
        k : int
            At which the recall is measured.

        Returns
        -------
        dict
            ``beam``, ``rerank`` (0 where the walked vectors rank the answers themselves),
            ``candidates`` (0 but with "chamfer"), and the ``recall`` measured with them: below the
            target if none reach it.

        Raises
        ------
        ValueError
            `recall` out of its range, no queries, or an empty index.
        """
        parts = self._items(Q, "Q")
        return self._cpp.tune(*parts, float(recall), as_integer("k", k, 1, UINT32_MAX))

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return _restore, (bytes(self),)


def attach(core: _core.Index) -> Index:
    """Return the Index around a C++ index."""
    return Index.__new__(Index)._attach(core)


def _restore(data: bytes) -> Index:
    """What a pickled index calls, and the only thing in it."""
    return attach(_core.load_bytes(as_bytes(data), True, 0))


_restore.__module__ = "vecinal"
