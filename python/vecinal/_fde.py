"""Fixed-dimensional encodings of sets of vectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import _core
from ._core import CudaError
from ._gpu import room
from ._inputs import UINT32_MAX, as_integer, as_rows
from ._sets import as_sets, sets_on_gpu

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from ._gpu import GpuRows
    from ._sets import SetsLike


def fde_params(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of an encoding, checked for their types."""
    known: dict[str, Any] = {
        "k_sim": 5,
        "projected_dim": 0,
        "projection": "sparse",
        "repetitions": 20,
        "final_dim": 0,
        "fill_empty": True,
    }
    for name, value in given.items():
        if name not in known:
            raise TypeError(f"fde: unknown parameter {name!r}; known are {', '.join(known)}")
        if name == "projection":
            if not isinstance(value, str):
                raise TypeError(f"projection must be a str, got {value!r}")
        elif name == "fill_empty":
            value = bool(value)
        else:
            value = as_integer(name, value, 0, UINT32_MAX)
        known[name] = value
    return known


class FdeEncoder:
    """Encodes sets of vectors as single vectors (MUVERA; arXiv 2405.19504).

    The inner product of a query's and a document's encodings, divided by `repetitions`, estimates
    their Chamfer similarity: the sum, over the query's vectors, of the greatest inner product with
    one of the document's. It ranks candidates well and is well below the similarity itself.

    Parameters
    ----------
    dim : int
        Dimensions of the vectors.
    k_sim : int
        Hyperplanes of a repetition, which part space into 2**k_sim cells; 0 .. 10.
    projected_dim : int
        Of a cell, at most dim, which is no projection; 0 is 16, or dim if less.
    projection : {"sparse", "dense"}
        Each dimension goes to one drawn place with a drawn sign, or a matrix of drawn signs.
    repetitions : int
        1 .. 1,000.
    final_dim : int
        The whole is sketched down to so many values; 0 is not.
    fill_empty : bool
        Empty cells of a document take its nearest vector.
    seed, threads : int
        The same seed makes the same encodings on every machine, whatever the threads.

    Examples
    --------
    >>> import numpy as np, vecinal
    >>> encoder = vecinal.FdeEncoder(dim=4, k_sim=2, repetitions=3)
    >>> encoder.encode_documents([np.eye(4), np.ones((2, 4))]).shape
    (2, 48)
    """

    __slots__ = ("_cpp", "_dim", "_on_gpu")

    def __init__(
        self,
        dim: int,
        *,
        k_sim: int = 5,
        projected_dim: int = 0,
        projection: Literal["sparse", "dense"] = "sparse",
        repetitions: int = 20,
        final_dim: int = 0,
        fill_empty: bool = True,
        seed: int = 0,
        threads: int = 0,
    ) -> None:
        params = fde_params(
            {
                "k_sim": k_sim,
                "projected_dim": projected_dim,
                "projection": projection,
                "repetitions": repetitions,
                "final_dim": final_dim,
                "fill_empty": fill_empty,
            }
        )
        self._dim = as_integer("dim", dim, 1, UINT32_MAX)
        self._cpp = _core.FdeEncoder(
            self._dim,
            params,
            as_integer("seed", seed, 0, (1 << 64) - 1),
            as_integer("threads", threads, 0, UINT32_MAX),
        )
        self._on_gpu: _core.DeviceFdeEncoder | None = None  # made when it is first asked for

    @property
    def dim(self) -> int:
        """Dimensions of the vectors."""
        return self._dim

    @property
    def encoded_dim(self) -> int:
        """Values of an encoding."""
        return self._cpp.encoded_dim()

    @property
    def mean(self) -> NDArray[np.float32]:
        """The vector about which documents are encoded, shape (dim,); zeros before `train`."""
        return self._cpp.mean()

    @mean.setter
    def mean(self, values: ArrayLike) -> None:
        self._cpp.set_mean(as_rows(values, "mean"))
        self._on_gpu = None

    def train(self, X: SetsLike, *, offsets: ArrayLike | None = None) -> dict[str, float]:
        """Take the mean of the vectors of documents, about which documents are encoded from now on.

        Models whose vectors share one direction leave most cells empty otherwise. The ranking by
        Chamfer similarity is the same. Not beside other calls of this encoder.

        Returns
        -------
        dict
            ``mean_cosine`` of pairs of vectors, and ``occupancy``: the entropy of the cells after
            centring over the greatest possible.
        """
        learned = self._cpp.train(*as_sets(X, self._dim, "X", offsets))
        self._on_gpu = None
        return learned

    def encode_documents(
        self, X: SetsLike, *, offsets: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Encode documents: a list of (t_i, dim) arrays, one (n, t, dim) array, or rows and offsets.

        An empty set is encoded as zeros. Arrays on a GPU, of torch, cupy or numba, are encoded
        there, where ``vecinal-cuda`` is installed.

        Returns
        -------
        ndarray of float32, shape (n, encoded_dim)
            An array of the same library, on the same GPU, where sets are encoded there.

        Raises
        ------
        ValueError
            Another shape, or a value that is not finite: with its set.
        """
        return self._encode("encode_documents", X, "X", offsets)

    def encode_queries(
        self, Q: SetsLike, *, offsets: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Encode queries; otherwise as `encode_documents`."""
        return self._encode("encode_queries", Q, "Q", offsets)

    def _encode(
        self, call: str, values: SetsLike, what: str, offsets: ArrayLike | None
    ) -> NDArray[np.float32]:
        there = sets_on_gpu(values, self._dim, offsets)
        made: Any = None if there is None else self._made_there(call, *there)
        if made is None:
            made = getattr(self._cpp, call)(*as_sets(values, self._dim, what, offsets))
        return made  # type: ignore[no-any-return]

    def _made_there(self, call: str, rows: GpuRows, starts: NDArray[np.int64]) -> Any:
        """Return encodings beside the sets on their GPU; None where it cannot be used."""
        made = room(rows, (len(starts) - 1, self.encoded_dim))
        if made is None:
            return None
        try:
            encoder = self._on_gpu or _core.DeviceFdeEncoder(self._cpp)
        except CudaError:
            return None
        self._on_gpu = encoder
        vectors = math.prod(rows.shape[:-1])
        getattr(encoder, call)(rows.address, vectors, self._dim, starts, rows.stream, made.address)
        return made.owner
