"""An index for PyLate (https://github.com/lightonai/pylate): late interaction over text.

>>> from pylate import models, retrieve                                    # doctest: +SKIP
>>> index = vecinal.pylate.Index("indexes", "notes", override=True)        # doctest: +SKIP
>>> index.add_documents(["a", "b"], model.encode(texts, is_query=False))   # doctest: +SKIP
>>> retrieve.ColBERT(index=index).retrieve(model.encode(["wind"], is_query=True), k=5)  # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from . import load
from ._index import Index as VectorIndex
from ._inputs import to_numpy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from typing_extensions import Self

    from ._sets import SetsLike

__all__ = ["Index", "RerankResult"]


class RerankResult(TypedDict):
    """A document's id and its similarity (MaxSim), as PyLate gives them."""

    id: str
    score: float


def _as_list(documents_ids: str | Sequence[str]) -> list[str]:
    names = [documents_ids] if isinstance(documents_ids, str) else list(documents_ids)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"documents_ids must be strings, got {name!r}")
    if len(set(names)) != len(names):
        raise ValueError("documents_ids must be distinct")
    return names


class Index:
    """Documents as sets of token embeddings, in a folder; what PyLate's retrievers ask for.

    Changes are written to the folder by the call that makes them, so that opening it again goes on
    where it was left.

    Parameters
    ----------
    index_folder, index_name : str
        The index lives in the folder ``index_folder/index_name``.
    override : bool
        Start with an empty index even if there is one.
    candidates : int, optional
        Documents, found by their encodings, that are ranked by their embeddings; at least k.
    **config
        Of `vecinal.Index`, but for dim and metric. By default encodings are "lvq8" and tokens too.
    """

    is_end_to_end_index = True

    def __init__(
        self,
        index_folder: str | os.PathLike[str] = "indexes",
        index_name: str = "vecinal",
        override: bool = False,
        *,
        candidates: int | None = None,
        **config: Any,
    ) -> None:
        self._folder = Path(index_folder) / index_name
        self._config = {"encoding": "lvq8", **config}
        self._candidates = candidates
        self._index: VectorIndex | None = None
        self._names: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._folder.mkdir(parents=True, exist_ok=True)
        if override:
            for file in (self._index_file, self._names_file):
                file.unlink(missing_ok=True)
        elif self._index_file.exists():
            self._open()

    @property
    def _index_file(self) -> Path:
        return self._folder / "index.vecinal"

    @property
    def _names_file(self) -> Path:
        return self._folder / "documents.json"

    def _open(self) -> None:
        self._index = load(self._index_file, threads=self._config.get("threads", 0))
        stored = json.loads(self._names_file.read_text(encoding="utf-8"))
        held = set(self._index.ids.tolist())
        self._names = {int(number): name for number, name in stored.items() if int(number) in held}
        if len(self._names) != len(held):
            raise ValueError(f"{self._names_file} does not name every document of the index")
        self._ids = {name: number for number, name in self._names.items()}

    def _save(self) -> None:
        # Names first: those of documents that the index does not hold are passed over.
        assert self._index is not None
        draft = self._names_file.with_suffix(".json.tmp")
        draft.write_text(json.dumps(self._names), encoding="utf-8")
        os.replace(draft, self._names_file)
        self._index.save(self._index_file)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, document_id: object) -> bool:
        return document_id in self._ids

    def add_documents(
        self,
        documents_ids: str | Sequence[str],
        documents_embeddings: SetsLike,
        **_: Any,
    ) -> Self:
        """Add documents, or replace those whose ids are in the index.

        Parameters
        ----------
        documents_ids : list of str
        documents_embeddings : list of arrays or tensors of the shapes (tokens, dim)

        Raises
        ------
        ValueError
            Repeated ids, as many embeddings as ids are not given, or embeddings that `vecinal.Index`
            refuses; the index is then as it was.
        """
        names = _as_list(documents_ids)
        sets = _as_arrays(documents_embeddings)
        if len(sets) != len(names):
            raise ValueError(f"add_documents: {len(names)} ids but {len(sets)} embeddings")
        if not names:
            return self
        index = self._index
        if index is None:
            if sets[0].ndim != 2:
                raise ValueError(f"embeddings must have the shape (tokens, dim), got {sets[0].shape}")
            index = VectorIndex(dim=sets[0].shape[1], metric="chamfer", **self._config)
        numbers = index.add(sets).tolist()
        self._index = index
        self._forget([name for name in names if name in self._ids])
        self._names.update(zip(numbers, names))
        self._ids.update(zip(names, numbers))
        self._save()
        return self

    def update_documents(
        self, documents_ids: str | Sequence[str], documents_embeddings: SetsLike
    ) -> Self:
        """Replace the embeddings of documents; those that are not in the index are added."""
        return self.add_documents(documents_ids, documents_embeddings)

    def remove_documents(self, documents_ids: str | Sequence[str]) -> Self:
        """Remove documents; ids that are not in the index are ignored."""
        names = [name for name in _as_list(documents_ids) if name in self._ids]
        if names:
            self._forget(names)
            self._save()
        return self

    def _forget(self, names: Sequence[str]) -> None:
        assert self._index is not None
        numbers = [self._ids.pop(name) for name in names]
        for number in numbers:
            del self._names[number]
        self._index.remove(numbers)

    def __call__(
        self,
        queries_embeddings: SetsLike,
        k: int = 10,
        subset: Sequence[Sequence[str]] | Sequence[str] | None = None,
        **_: Any,
    ) -> list[list[RerankResult]]:
        """Return the k best documents of every query, best first.

        Parameters
        ----------
        queries_embeddings : list of arrays or tensors (tokens, dim), or one array (q, tokens, dim)
            An array of the shape (tokens, dim) is one query.
        k : int
        subset : list of str, or a list of such lists, one for each query
            The documents that may be found; ids that are not in the index are ignored.
        """
        if self._index is None:
            raise ValueError("the index is empty: add documents before querying")
        queries = _as_arrays(queries_embeddings)
        if subset is None:
            return self._search(queries, k, None)
        if len(subset) == 0 or isinstance(subset[0], str):
            return self._search(queries, k, subset)  # type: ignore[arg-type]
        if len(subset) != len(queries):
            raise ValueError(f"{len(queries)} queries but {len(subset)} subsets")
        found: list[list[RerankResult]] = []
        for query, allowed in zip(queries, subset):
            found += self._search([query], k, allowed)
        return found

    def _search(
        self, queries: list[NDArray[Any]], k: int, allowed: Sequence[str] | None
    ) -> list[list[RerankResult]]:
        assert self._index is not None
        numbers = None
        if allowed is not None:
            known = [self._ids[name] for name in allowed if name in self._ids]
            numbers = np.array(known, np.int64)
        hits = self._index.search(queries, k, candidates=self._candidates, filter=numbers)
        return [
            [
                RerankResult(id=self._names[number], score=-distance)
                for number, distance in zip(ids[:count].tolist(), distances[:count].tolist())
            ]
            for ids, distances, count in zip(hits.ids, hits.distances, hits.counts)
        ]

    def get_documents_embeddings(
        self, documents_ids: Sequence[Sequence[str]]
    ) -> list[list[NDArray[np.float32]]]:
        """Return the stored embeddings of documents, list by list. Raises KeyError for others."""
        if self._index is None:
            raise ValueError("the index is empty: add documents first")
        return [[self._index[self._ids[name]] for name in names] for names in documents_ids]


def _as_arrays(embeddings: Any) -> list[NDArray[Any]]:
    if isinstance(embeddings, (list, tuple)):
        return [to_numpy(one, "embeddings") for one in embeddings]
    array = to_numpy(embeddings, "embeddings")
    return [array] if array.ndim == 2 else list(array)
