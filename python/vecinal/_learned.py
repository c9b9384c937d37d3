"""What an index learns from samples, and how its graph is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._inputs import UINT32_MAX, as_integer
from ._keywords import explain_unknown
from ._progress import Meter
from ._searched import Searched

if TYPE_CHECKING:
    from ._progress import ProgressLike
    from ._sets import Parts, SetsLike


class Learned(Searched):
    """The base of `Index`: training, and repair of the graph."""

    __slots__ = ()

    @explain_unknown
    def train(
        self, X: SetsLike, queries: SetsLike | None = None, *, progress: ProgressLike = None
    ) -> None:
        """Learn what `encoding` and `reduce` need; the first `add` does if this was not called.

        "f32" and "f16" without `reduce` need nothing: the sample is then only checked.

        Parameters
        ----------
        X : array_like, shape (n, dim)
            A sample of the items, as in `add`.
        queries : array_like, shape (m, dim), optional
            A sample of the queries to come, for ``reduce="leanvec_ood"``, as in `search`.
        progress : callable or bool, optional
            Called as ``progress(done, total)``; returning False cancels. True shows a bar. Not heard
            while the directions of a reduction are computed, which takes seconds for thousands of
            dimensions; nor is Ctrl-C.

        Raises
        ------
        ValueError
            Another shape, a value that is not finite or a zero vector with "cosine" (with its row),
            fewer vectors than `reduced_dim`, or an index that holds vectors: see `retrain`.
        NotTrained
            "leanvec_ood" without queries.
        Cancelled
            `progress` returned False; nothing was learned.
        """
        rows, starts = self._items(X, "X")
        wanted = self._sample(queries)
        with Meter(progress, "train") as callback:
            self._cpp.train(rows, starts, wanted[0], wanted[1], callback)

    def _sample(self, queries: SetsLike | None) -> Parts | tuple[None, None]:
        return (None, None) if queries is None else self._items(queries, "queries")

    @explain_unknown
    def retrain(
        self, queries: SetsLike | None = None, *, progress: ProgressLike = None
    ) -> None:
        """Learn again from the vectors in the index, as it stores them, and encode them anew.

        For items that have drifted (``stats()["added_error"]``). Ids and graph stay. Needs memory
        for the old and the new form at once. While it learns, `progress` and Ctrl-C are heeded as in
        `train`.

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
    def fit_queries(
        self,
        Q: SetsLike,
        *,
        beam: int = 500,
        neighbors: int = 50,
        progress: ProgressLike = None,
    ) -> dict[str, Any]:
        """Repair the links of the graph for queries that are distributed unlike the items.

        Texts that ask for images, or words that ask for sentences, have nearest items that lie far
        from each other: a search leaves them to come from one to another, and ends too early. This
        gives links to those that lack them, in the places of links that matter least: the same beam
        then finds more, in the same memory. Call `tune` afterwards. Items added later are linked as
        ever; when they are many, call it again. NGFix and RFix (arXiv 2510.22316).

        Parameters
        ----------
        Q : array_like, shape (q, dim)
            A sample of real queries, as in `search`: the more, the better.
        beam : int
            Candidates kept while the nearest items of a query are looked for, 1 .. 10,000; raised
            to `neighbors`.
        neighbors : int
            Nearest items of a query that are to lead to each other, 2 .. 1,000.
        progress : callable or bool, optional
            Called as ``progress(done, total)``; returning False cancels. True shows a bar.

        Returns
        -------
        dict
            ``links`` made, and how many more were ``refused`` for want of a place.

        Raises
        ------
        ValueError
            Another shape, a value that is not finite or a zero vector with "cosine" (with its row),
            an option out of its range, an empty index or one without a graph.
        Cancelled
            `progress` returned False; nothing has changed.
        """
        parts = self._items(Q, "Q")
        beam = as_integer("beam", beam, 0, UINT32_MAX)
        neighbors = as_integer("neighbors", neighbors, 0, UINT32_MAX)
        with Meter(progress, "fit_queries") as callback:
            return self._cpp.fit_queries(*parts, beam, neighbors, callback)

    @explain_unknown
    def refine(self, *, beam: int = 200, rounds: int = 1, progress: ProgressLike = None) -> None:
        """Choose the links of the graph anew, among what searches of the finished graph find.

        When an item was added, the nearest of those that came after it were not there yet. After
        this a narrow beam finds more, in the same memory; a wide one about as much. It takes part
        of the time of the build: less in the fused layout, whose fast search it uses. Worth it
        for an index that is complete for a while: items added later are linked as ever. Call `tune`
        afterwards.

        Parameters
        ----------
        beam : int
            Nearest items among which the links of an item are chosen, 1 .. 10,000.
        rounds : int
            1 .. 100. A second one changes little.
        progress : callable or bool, optional
            Called as ``progress(done, total)``; returning False cancels. True shows a bar.

        Raises
        ------
        ValueError
            An option out of its range, an empty index or one without a graph.
        MemoryLimit
            It would need more than the index may hold: 20 bytes for each link meanwhile.
        Cancelled
            `progress` returned False; nothing has changed.
        """
        beam = as_integer("beam", beam, 0, UINT32_MAX)
        rounds = as_integer("rounds", rounds, 0, UINT32_MAX)
        with Meter(progress, "refine") as callback:
            self._cpp.refine(beam, rounds, callback)
