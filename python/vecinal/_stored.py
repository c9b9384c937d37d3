"""What an index holds and says of itself: the part of `Index` that neither adds nor searches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core
from ._inputs import as_ids, as_integer, as_path, as_real
from ._keywords import explain_unknown
from ._labels import as_labels
from ._progress import Meter

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping
    from typing import SupportsIndex

    import numpy as np
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self

    from ._labels import LabelsLike
    from ._progress import ProgressLike

_ID_MAX = (1 << 63) - 1


def _as_id(value: Any) -> int | None:
    """Return `value` as an int if it can be an id, else None."""
    try:
        return as_integer("id", value, 0, _ID_MAX)
    except (TypeError, ValueError):
        return None


class Stored:
    """The base of `Index`: ids and vectors, files, figures, and the defaults of a search."""

    __slots__ = ("_cpp", "_dim", "_metric", "__weakref__")

    _cpp: _core.Index
    _dim: int
    _metric: str

    def _attach(self, core: _core.Index) -> Self:
        self._cpp = core
        config = core.config()
        self._dim = config["dim"]
        self._metric = config["metric"]
        return self

    @explain_unknown
    def save(self, path: str | os.PathLike[str], *, progress: ProgressLike = None) -> None:
        """Write the index to a file, which is replaced as a whole or not at all.

        Parameters
        ----------
        path : path
        progress : callable or bool, optional
            Called as ``progress(done, total)`` with bytes of the file; returning False cancels. True shows a bar.

        Raises
        ------
        OSError
            With the path and the reason.
        Cancelled
            `progress` returned False; the file is as it was.
        """
        with Meter(progress, "save") as callback:
            self._cpp.save(as_path(path), callback)

    @explain_unknown
    def check(self, *, progress: ProgressLike = None) -> list[str]:
        """Verify every invariant; return the faults found, none for a sound index.

        Parameters
        ----------
        progress : callable or bool, optional
            Called as ``progress(done, total)`` with rows; returning False cancels. True shows a bar.

        Raises
        ------
        Cancelled
            `progress` returned False.
        """
        with Meter(progress, "check") as callback:
            return self._cpp.check(callback)

    def stats(self) -> dict[str, Any]:
        """Return what the index holds.

        Returns
        -------
        dict
            ``size``, ``removed`` (rows of removed items), ``free`` (those of them that wait for
            new items; the others still serve as steps of the graph),
            ``duplicates``, ``levels``, ``mean_degree``.
            ``trained``: whether vectors can be added without learning first. ``reduced_dim``: of
            the vectors that are walked; ``dim`` without a reduction. ``quantizer``: the one in use,
            once trained. ``trained_error``: squared error of the walked vectors over their squared
            length about the mean, on the training sample. ``added_error``: the same over all added
            since; growth means drift, see `retrain`. ``clipped``: share of the values of added
            vectors beyond their grid.
            With "chamfer", where the figures above are of the encodings of the sets: ``vectors`` of
            all sets, ``mean_cosine`` of pairs of vectors in the training sample, and ``occupancy``,
            the entropy of the cells they fall in over the greatest possible; below about 0.6 many
            candidates are needed.
            ``bytes``, and its parts ``bytes_rows``, ``bytes_secondary`` (vectors that rank the
            answers, if others than those walked), ``bytes_graph``, ``bytes_ids`` and
            ``bytes_tokens`` (the vectors of the sets). ``bytes_device`` is held on the device besides.
            ``layout_reason``: why ``layout="auto"`` became what ``config["layout"]`` says.
            ``tuned``: what searches can ask for by `recall`, a list of what `tune` returned,
            ascending by ``k`` and ``target``.
        """
        return self._cpp.stats()

    @property
    def config(self) -> dict[str, Any]:
        """The parameters: ``vecinal.Index(**index.config)`` makes an empty index like it."""
        return self._cpp.config()

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return self._dim

    @property
    def ids(self) -> NDArray[np.int64]:
        """The ids in the index, shape (n,), in the order they were added as long as none was removed."""
        return self._cpp.ids()

    @property
    def beam(self) -> int:
        """Candidates kept where a search does not say: ``defaults["beam"]``."""
        return int(self.defaults["beam"])

    @beam.setter
    def beam(self, value: int) -> None:
        self.defaults = {"beam": value}

    @property
    def defaults(self) -> dict[str, Any]:
        """What a search uses where it does not say; saved with the index.

        ``beam``; ``rerank``, where 0 is as many as the beam; ``candidates``, where 0 is ten times k
        and at least 100; ``gamma``, where 0 leaves it to the beam. Assign a dict of those to change.
        """
        return self._cpp.defaults()

    @defaults.setter
    def defaults(self, values: Mapping[str, float]) -> None:
        merged = self._cpp.defaults()
        for name, value in values.items():
            if name not in merged:
                raise ValueError(f"defaults: {name!r} is unknown; use one of {', '.join(merged)}")
            merged[name] = (
                as_real(name, value)
                if name == "gamma"
                else as_integer(name, value, int(name == "beam"), 1_000_000)
            )
        self._cpp.set_defaults(**merged)

    def __len__(self) -> int:
        return self._cpp.size()

    def __contains__(self, id: object) -> bool:
        number = _as_id(id)
        return number is not None and self._cpp.contains(number)

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())

    def __getitem__(self, id: SupportsIndex) -> NDArray[np.float32]:
        """Return the stored vector of an id, shape (dim,): decoded, and normalised for "cosine".

        With "chamfer", the vectors of the set, shape (t, dim).

        Raises KeyError if the id is not in the index, TypeError if it is not an int.
        """
        try:
            number = as_integer("id", id, 0, _ID_MAX)
        except ValueError:
            raise KeyError(id) from None
        rows = self._cpp.get(number)
        return rows if self._metric == "chamfer" else rows[0]

    def labels(self, id: SupportsIndex) -> NDArray[np.int64]:
        """Return the labels of an id, ascending, each once.

        Raises KeyError if the id is not in the index, TypeError if it is not an int.
        """
        try:
            return self._cpp.labels(as_integer("id", id, 0, _ID_MAX))
        except ValueError:
            raise KeyError(id) from None

    def set_labels(self, ids: ArrayLike | Iterable[int], labels: LabelsLike) -> None:
        """Give ids other labels, in place of those they have; all, or none if it raises.

        Parameters
        ----------
        ids : array_like of int, shape (n,)
            In the index.
        labels : array_like of int, shape (n,), or a list of n lists
            As in `add`; an empty list takes the labels away.

        Raises
        ------
        ValueError
            An id that is not in the index, or labels of another number than ids.
        TypeError
            Ids or labels that are not integers.
        """
        self._cpp.set_labels(as_ids(ids), *as_labels(labels, "set_labels"))

    @explain_unknown
    def compact(self, *, progress: ProgressLike = None) -> None:
        """Give back the memory of removed items.

        `add` uses their rows for new items, so this is for indexes that shrink for good. Needs
        memory for both forms at once. Searches that begin while the smaller form is put in place
        wait some milliseconds.

        Parameters
        ----------
        progress : callable or bool, optional
            Called as ``progress(done, total)`` with items that stay; returning False cancels. True shows a bar.

        Raises
        ------
        Cancelled
            `progress` returned False; rows are where they were.
        """
        with Meter(progress, "compact") as callback:
            self._cpp.compact(callback)

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

    def __bytes__(self) -> bytes:
        """The bytes that `save` writes; ``vecinal.load`` takes them."""
        return self._cpp.to_bytes()

    def __repr__(self) -> str:
        config = self.config
        shown = ", ".join(f"{name}={config[name]!r}" for name in ("dim", "metric", "encoding"))
        held = self.stats()["bytes"]
        return f"vecinal.Index({shown}, n={len(self)}, bytes={held}, simd={_core.simd()!r})"
