"""The index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core
from ._filter import as_filter
from ._inputs import as_bytes, as_ids, as_integer, as_matrix, as_path, as_rows
from ._keywords import explain_unknown
from ._neighbors import Neighbors
from ._progress import Meter

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from typing import Literal, SupportsIndex

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from ._filter import FilterLike
    from ._progress import ProgressLike

UINT32_MAX = (1 << 32) - 1
_ID_MAX = (1 << 63) - 1


def _as_id(value: Any) -> int | None:
    """Return `value` as an int if it can be an id, else None."""
    try:
        return as_integer("id", value, 0, _ID_MAX)
    except (TypeError, ValueError):
        return None


class Index:
    """An index of vectors that answers nearest-neighbour queries.

    Parameters
    ----------
    dim : int
        Dimensions of a vector, 1 .. 65,536.
    metric : {"l2", "ip", "cosine"}
        Squared Euclidean distance, inner product or cosine.
    encoding : {"f32", "f16"}
        How a vector is kept in memory: 4 or 2 bytes a dimension.
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
        A value out of its range.

    Notes
    -----
    Arrays of any real dtype (also float16, bfloat16, integers), byte order and memory layout, lists
    and CPU tensors are accepted and answer as their contiguous float32 copy does. float32 arrays
    with contiguous rows are not copied. bool, complex, string and object arrays raise a TypeError.

    Any number of searches may run beside each other and beside one call that changes the index;
    those calls wait for each other. The calls that take long release the interpreter lock, and
    Ctrl-C stops `add` and `search` and leaves the index as it was.

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

    __slots__ = ("_cpp", "_metric", "__weakref__")

    _cpp: _core.Index
    _metric: str

    @explain_unknown
    def __init__(
        self,
        dim: int,
        *,
        metric: Literal["l2", "ip", "cosine"] = "l2",
        encoding: Literal["f32", "f16"] = "f32",
        graph: Literal["hnsw"] | None = "hnsw",
        degree: int = 32,
        build_beam: int = 200,
        order: Literal["shuffled", "given", "lid"] = "shuffled",
        threads: int = 0,
        seed: int = 0,
    ) -> None:
        graph_name = "none" if graph is None else graph
        names = {"metric": metric, "encoding": encoding, "graph": graph_name, "order": order}
        for name, value in names.items():
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a str, got {value!r}")
        self._attach(
            _core.Index(
                dim=as_integer("dim", dim, 1, UINT32_MAX),
                degree=as_integer("degree", degree, 0, UINT32_MAX),
                build_beam=as_integer("build_beam", build_beam, 0, UINT32_MAX),
                threads=as_integer("threads", threads, 0, UINT32_MAX),
                seed=as_integer("seed", seed, 0, (1 << 64) - 1),
                **names,
            )
        )

    def _attach(self, core: _core.Index) -> Index:
        self._cpp = core
        self._metric = core.config()["metric"]
        return self

    def train(self, X: ArrayLike, queries: ArrayLike | None = None) -> None:
        """Learn what the encoding needs from a sample; "f32" and "f16" need nothing.

        Parameters
        ----------
        X : array_like, shape (n, dim)
            A sample of the items.
        queries : array_like, shape (m, dim), optional
            A sample of the queries, if they are distributed otherwise.

        Raises
        ------
        ValueError
            Another shape, or a value that is not finite (with its row).
        """
        dim = self.dim
        self._cpp.train(
            as_matrix(X, dim, "X"), None if queries is None else as_matrix(queries, dim, "queries")
        )

    @explain_unknown
    def add(
        self,
        X: ArrayLike,
        ids: ArrayLike | Iterable[int] | None = None,
        *,
        progress: ProgressLike = None,
    ) -> NDArray[np.int64]:
        """Add vectors: all of them, or none if it raises.

        Parameters
        ----------
        X : array_like, shape (n, dim)
            One vector a row; n may be 0.
        ids : array_like of int, shape (n,), optional
            Distinct, 0 .. 2**63 - 1, not in the index. By default the n numbers after the largest
            id ever used.
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
            negative, repeated or in the index: with its row.
        TypeError
            A dtype that is not a real number; ids that are not integers.
        Cancelled
            `progress` returned False.
        """
        rows = as_matrix(X, self.dim, "X")
        given = None
        if ids is not None:
            given = as_ids(ids)
            if len(given) != len(rows):
                raise ValueError(f"add: {len(rows)} rows but {len(given)} ids")
        if progress is None:
            return self._cpp.add(rows, given, None)
        with Meter(progress, "add") as callback:
            return self._cpp.add(rows, given, callback)

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
        Q: ArrayLike,
        k: int = 10,
        *,
        beam: int | None = None,
        filter: FilterLike | None = None,
        exact: bool = False,
        threads: int = 0,
        progress: ProgressLike = None,
    ) -> Neighbors:
        """Find the k nearest items of every query.

        Parameters
        ----------
        Q : array_like, shape (q, dim) or (dim,)
            The queries. One query of shape (dim,) gives arrays without the leading axis.
        k : int
            Items for each query. Where fewer exist, the id is -1 and the distance +inf.
        beam : int, optional
            Candidates kept while walking the graph (ef_search): more find more and take longer.
            By default the index's own, see `beam` and `tune`.
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
            Another shape, k < 1, or, with its row: a value that is not finite, a zero query with
            "cosine".
        TypeError
            A dtype that is not a real number; a filter, k or beam of another type.
        Cancelled
            `progress` returned False.
        """
        rows = as_rows(Q, "Q")
        is_one = rows.ndim == 1
        if is_one:
            rows = rows[None]
        elif rows.ndim != 2:
            raise ValueError(
                f"Q must have the shape (q, {self.dim}) or ({self.dim},), got {rows.shape}"
            )
        k = as_integer("k", k, 1, UINT32_MAX)
        beam = 0 if beam is None else as_integer("beam", beam, 1, UINT32_MAX)
        threads = as_integer("threads", threads, 0, UINT32_MAX)
        allowed = None if filter is None else as_filter(filter)
        if progress is None:
            found = self._cpp.search(rows, k, beam, allowed, bool(exact), threads, None)
        else:
            with Meter(progress, "search") as callback:
                found = self._cpp.search(rows, k, beam, allowed, bool(exact), threads, callback)
        ids, distances, counts, stats = found
        if is_one:
            ids, distances, counts = ids[0], distances[0], counts[0]
        return Neighbors(ids, distances, counts, stats, self._metric)

    def tune(self, Q: ArrayLike, recall: float = 0.95, k: int = 10) -> dict[str, Any]:
        """Find the smallest beam that reaches a recall, and keep it as `beam`.

        Parameters
        ----------
        Q : array_like, shape (q, dim)
            A sample of the queries, not of the items.
        recall : float
            In (0, 1]: the share of the true k nearest, by exact search, that must be found.
        k : int
            At which the recall is measured.

        Returns
        -------
        dict
            ``beam``, and the ``recall`` measured with it: below the target if no beam reaches it.

        Raises
        ------
        ValueError
            `recall` out of its range, no queries, or an empty index.
        """
        rows = as_matrix(Q, self.dim, "Q")
        return self._cpp.tune(rows, float(recall), as_integer("k", k, 1, UINT32_MAX))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to a file, which is replaced as a whole or not at all. Raises OSError."""
        self._cpp.save(as_path(path))

    def check(self) -> list[str]:
        """Verify every invariant; return the faults found, none for a sound index."""
        return self._cpp.check()

    def stats(self) -> dict[str, Any]:
        """Return what the index holds.

        Returns
        -------
        dict
            ``size``, ``removed`` (items whose rows still serve as steps of the graph),
            ``duplicates``, ``levels``, ``mean_degree``, and ``bytes`` with its parts
            ``bytes_rows``, ``bytes_graph`` and ``bytes_ids``.
        """
        return self._cpp.stats()

    @property
    def config(self) -> dict[str, Any]:
        """The parameters: ``vecinal.Index(**index.config)`` makes an empty index like it."""
        return self._cpp.config()

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return self._cpp.dim

    @property
    def ids(self) -> NDArray[np.int64]:
        """The ids in the index, shape (n,), in the order they were added."""
        return self._cpp.ids()

    @property
    def beam(self) -> int:
        """Candidates kept where a search does not say; saved with the index."""
        return self._cpp.beam()

    @beam.setter
    def beam(self, value: int) -> None:
        self._cpp.set_beam(as_integer("beam", value, 1, 1_000_000))

    def __len__(self) -> int:
        return self._cpp.size()

    def __contains__(self, id: object) -> bool:
        number = _as_id(id)
        return number is not None and self._cpp.contains(number)

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())

    def __getitem__(self, id: SupportsIndex) -> NDArray[np.float32]:
        """Return the stored vector of an id, shape (dim,): decoded, and normalised for "cosine".

        Raises KeyError if the id is not in the index, TypeError if it is not an int.
        """
        try:
            number = as_integer("id", id, 0, _ID_MAX)
        except ValueError:
            raise KeyError(id) from None
        return self._cpp.get(number)

    def __bytes__(self) -> bytes:
        """The bytes that `save` writes; ``vecinal.load`` takes them."""
        return self._cpp.to_bytes()

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return _restore, (bytes(self),)

    def __repr__(self) -> str:
        config = self.config
        shown = ", ".join(f"{name}={config[name]!r}" for name in ("dim", "metric", "encoding"))
        held = self.stats()["bytes"]
        return f"vecinal.Index({shown}, n={len(self)}, bytes={held}, simd={_core.simd()!r})"


def attach(core: _core.Index) -> Index:
    """Return the Index around a C++ index."""
    return Index.__new__(Index)._attach(core)


def _restore(data: bytes) -> Index:
    """What a pickled index calls, and the only thing in it."""
    return attach(_core.load_bytes(as_bytes(data), True, 0))


_restore.__module__ = "vecinal"
