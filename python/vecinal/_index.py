"""The index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core
from ._config import config_record
from ._inputs import UINT32_MAX, as_bytes, as_ids, as_integer
from ._keywords import explain_unknown
from ._labels import as_labels
from ._learned import Learned
from ._progress import Meter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal, SupportsIndex

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from ._labels import LabelsLike
    from ._progress import ProgressLike
    from ._sets import SetsLike


class Index(Learned):
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
    tokens : {"lvq8", "lvq8x8", "f16", "f32"}
        With "chamfer": how the vectors of the sets are kept. "lvq8x8" is as fine as "f16" and nearly as
        fast as "lvq8": 8 bits rank the candidates, and 16 those that are close to the best.
    pooling : int
        With "chamfer": an item keeps one in so many of its vectors, the means of clusters; 1 is all
        of them.
    layout : {"split", "fused", "auto"}
        How vectors and links lie in memory: apart, or so that one read of memory gives the distance
        of a node and estimates of all its neighbours ("fused"; with "lvq" encodings and a degree
        that is a multiple of 32): more queries a second for more memory, at degree 32 about 4 bytes
        a dimension. "auto": fused where that goes, but split where fused would take more than half
        of `memory_limit` for the first `add`, or `train` comes before it; ``config["layout"]`` tells
        what it became, ``stats()["layout_reason"]`` why.
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
    memory_limit : int
        Bytes that the index may hold (``stats()["bytes"]``); an `add` that would take more raises
        MemoryLimit before it allocates. 0 is no limit. Not saved.
    device : {"cpu", "cuda"}
        Where searches run. With "cuda" the GPU keeps copies of vectors and links, which follow every
        change, and answers whole batches; the index itself stays in host memory. Not saved.
    seed : int
        Same seed, same data: same index, byte for byte.

    Raises
    ------
    TypeError
        A keyword that is not known, or a value of another type.
    ValueError
        A value out of its range, a name that is not known (with those that are), or values that do
        not go together.
    CudaError
        The device "cuda" cannot be used; the message says what is missing.

    Notes
    -----
    Arrays of any real dtype (also float16, bfloat16, integers), byte order and memory layout, lists,
    tensors and arrays on a GPU (torch, cupy, numba; copied to the host) are accepted and answer as
    their contiguous float32 copy does; `search` and `rerank` answer queries on a GPU with arrays there. float32 arrays with contiguous rows are not copied. bool,
    complex, string and object arrays raise a TypeError.

    Any number of searches may run beside each other and beside one call that changes the index;
    those calls wait for each other. The calls that take long release the interpreter lock, and
    Ctrl-C stops those that take `progress` and leaves the index as it was.

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
        tokens: Literal["lvq8", "lvq8x8", "f16", "f32"] = "lvq8",
        pooling: int = 1,
        layout: Literal["split", "fused", "auto"] = "split",
        graph: Literal["hnsw"] | None = "hnsw",
        degree: int = 32,
        build_beam: int = 200,
        order: Literal["shuffled", "given", "lid"] = "shuffled",
        threads: int = 0,
        memory_limit: int = 0,
        device: Literal["cpu", "cuda"] = "cpu",
        seed: int = 0,
    ) -> None:
        given = {
            "dim": as_integer("dim", dim, 1, UINT32_MAX),
            "metric": metric,
            "encoding": encoding,
            "reduce": reduce,
            "reduced_dim": reduced_dim,
            "quantizer": quantizer,
            "keep": keep,
            "fde": fde,
            "tokens": tokens,
            "pooling": pooling,
            "layout": layout,
            "graph": graph,
            "degree": degree,
            "build_beam": build_beam,
            "order": order,
            "threads": threads,
            "memory_limit": memory_limit,
            "device": device,
            "seed": seed,
        }
        self._attach(_core.Index(config_record(given)))

    @explain_unknown
    def add(
        self,
        X: SetsLike,
        ids: ArrayLike | Iterable[int] | None = None,
        *,
        labels: LabelsLike | None = None,
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
        labels : array_like of int, shape (n,), or a list of n lists, optional
            One label an item, or any number of them, for filters: see `vecinal.label`. An item costs
            four bytes, as items with the same labels share them.
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
            with its row or set. Labels of another number than items. Vectors too few to train on, see `train`.
        TypeError
            A dtype that is not a real number; ids or labels that are not integers.
        NotTrained
            ``reduce="leanvec_ood"`` and `train` was not called.
        MemoryLimit
            The index would hold more than its `memory_limit`; a MemoryError.
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
        tags = as_labels(labels, "add")
        if progress is None:
            return self._cpp.add(rows, starts, given, *tags, None)
        with Meter(progress, "add") as callback:
            return self._cpp.add(rows, starts, given, *tags, callback)

    @explain_unknown
    def update(
        self,
        ids: ArrayLike | Iterable[int],
        X: SetsLike,
        *,
        offsets: ArrayLike | None = None,
        progress: ProgressLike = None,
    ) -> None:
        """Give items of the index other vectors: all, or none if it raises.

        A search sees either all of the old vectors or all of the new ones.

        Parameters
        ----------
        ids : array_like of int, shape (n,)
            Distinct ids that are in the index.
        X : array_like, shape (n, dim)
            As in `add`.
        offsets : array_like of int, shape (n + 1,), optional
            As in `add`.
        progress : callable or bool, optional
            Called as ``progress(done, total)``; returning False cancels. True shows a bar.

        Raises
        ------
        ValueError
            As `add`; an id that is not in the index.
        TypeError
            A dtype that is not a real number; ids that are not integers.
        Cancelled
            `progress` returned False.
        """
        rows, starts = self._items(X, "X", offsets)
        with Meter(progress, "update") as callback:
            self._cpp.update(as_ids(ids), rows, starts, callback)

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return _restore, (bytes(self),)


def attach(core: _core.Index) -> Index:
    """Return the Index around a C++ index."""
    return Index.__new__(Index)._attach(core)


def _restore(data: bytes) -> Index:
    """What a pickled index calls, and the only thing in it."""
    return attach(_core.load_bytes(as_bytes(data), True, 0, "cpu", None))


_restore.__module__ = "vecinal"
