"""One small adapter an engine, behind one protocol; `ENGINES` names them all.

Every engine gets the same float32 rows. For the metric "cosine" these have unit length, so each
adapter may use cosine, inner product or L2: the order of the neighbours is the same. HNSW engines
get M = 16 (that is 32 links on the ground level) and ef_construction = 200; the others say theirs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

M = 16
EF_CONSTRUCTION = 200
EF_SWEEP = (10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 200, 256, 320, 400, 512, 640, 800)


class Engine(Protocol):
    """Built once, then searched; rows keep their number (0 .. n - 1) as id."""

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        """Indexes base (n, dim) float32. metric: "l2", "cosine" (unit rows) or "ip"."""

    def settings(self) -> Sequence[int]:
        """The search effort values to sweep, ascending."""

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        """The ids (q, k) found for queries (q, dim) with that effort."""


class Vecinal:
    """This library. config: keywords of vecinal.Index beyond those every engine shares; widen: candidates
    re-ranked for each one of the beam; refine: the links are chosen anew on the finished graph."""

    def __init__(self, widen: float = 1, refine: bool = False, **config: Any) -> None:
        self._widen = widen
        self._refine = refine
        self._config = config

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        import vecinal
        config = {"degree": 2 * M, **self._config}
        self._index = vecinal.Index(dim=base.shape[1], metric=metric, build_beam=EF_CONSTRUCTION,
                                    threads=threads, **config)
        self._index.add(base)
        if self._refine:
            self._index.refine()

    def settings(self) -> Sequence[int]:
        return EF_SWEEP

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        rerank = int(self._widen * setting)
        return self._index.search(queries, k=k, beam=setting, rerank=rerank, threads=threads)[0]


class VecinalFused(Vecinal):
    """The fused layout. gamma: the effort is the stop rule's gamma, in thousandths, instead of the beam."""

    EFFORT_MAY_BE_BELOW_K = True  # nodes that are seen are answers too, not only those expanded
    BEAMS = (2, 3, 4, 6, 8)
    WIDE = 400

    def __init__(self, gamma: bool = False, **config: Any) -> None:
        super().__init__(layout="fused", **config)
        self._by_gamma = gamma

    def settings(self) -> Sequence[int]:
        return (5, *EF_SWEEP) if self._by_gamma else (*self.BEAMS, *EF_SWEEP)

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        effort = {"beam": self.WIDE, "gamma": setting / 1000}
        if not self._by_gamma:
            effort = {"beam": setting}
        return self._index.search(queries, k=k, threads=threads, **effort)[0]


class VecinalExact(Vecinal):
    """Exact search over an index without a graph."""

    def settings(self) -> Sequence[int]:
        return (0,)

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        return self._index.search(queries, k=k, exact=True, threads=threads)[0]


class Hnswlib:
    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        import hnswlib
        self._index = hnswlib.Index("l2" if metric == "l2" else "ip", base.shape[1])
        self._index.init_index(len(base), M=M, ef_construction=EF_CONSTRUCTION)
        self._index.add_items(base, num_threads=threads)

    def settings(self) -> Sequence[int]:
        return EF_SWEEP

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        self._index.set_ef(setting)
        return self._index.knn_query(queries, k=k, num_threads=threads)[0]


class FaissHnsw:
    """IndexHNSWFlat with hnswlib's M; M = 32, which faiss documents as default, is twice that."""

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        import faiss
        self._faiss = faiss
        faiss.omp_set_num_threads(threads)
        self._index = faiss.IndexHNSWFlat(base.shape[1], M, _faiss_metric(faiss, metric))
        self._index.hnsw.efConstruction = EF_CONSTRUCTION
        self._index.add(base)

    def settings(self) -> Sequence[int]:
        return EF_SWEEP

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        self._faiss.omp_set_num_threads(threads)
        self._index.hnsw.efSearch = setting
        return self._index.search(queries, k)[1]


class FaissFlat:
    """Exact search; batches of 20 queries and more go through a matrix product (BLAS)."""

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        import faiss
        self._faiss = faiss
        self._index = faiss.IndexFlat(base.shape[1], _faiss_metric(faiss, metric))
        self._index.add(base)

    def settings(self) -> Sequence[int]:
        return (0,)

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        self._faiss.omp_set_num_threads(threads)
        return self._index.search(queries, k)[1]


class Usearch:
    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        from usearch.index import Index
        self._index = Index(ndim=base.shape[1], metric="l2sq" if metric == "l2" else "ip",
                            dtype="f32", connectivity=M, expansion_add=EF_CONSTRUCTION)
        self._index.add(np.arange(len(base), dtype=np.uint64), base, threads=threads)

    def settings(self) -> Sequence[int]:
        return EF_SWEEP

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        self._index.expansion_search = setting
        return self._index.search(queries, k, threads=threads).keys


class Voyager:
    """Space.Cosine for unit rows: Space.InnerProduct would add a dimension to every row."""

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        import voyager
        space = {"l2": voyager.Space.Euclidean, "cosine": voyager.Space.Cosine,
                 "ip": voyager.Space.InnerProduct}[metric]
        self._index = voyager.Index(space, base.shape[1], M=M, ef_construction=EF_CONSTRUCTION,
                                    max_elements=len(base))
        self._index.add_items(base, num_threads=threads)

    def settings(self) -> Sequence[int]:
        return EF_SWEEP

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        return self._index.query(queries, k=k, num_threads=threads, query_ef=setting)[0]


class Deglib:
    """build_from_data with its defaults (32 edges), the read-only form, optimised entry points."""

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        import deglib
        kind = deglib.Metric.FP32_L2 if metric == "l2" else deglib.Metric.FP32_InnerProduct
        graph = deglib.builder.build_from_data(base, edges_per_vertex=32, metric=kind,
                                               thread_count=threads)
        self._searcher = deglib.create_searcher(graph.to_readonly())
        self._searcher.optimize(num_threads=threads)

    def settings(self) -> Sequence[int]:
        return EF_SWEEP

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        ids = self._searcher.search(queries, k, eps_or_ef=setting, threads=threads)
        return ids.reshape(len(queries), k)  # one query gives one row without its axis


class Rabitq:
    """SymphonyQG of RaBitQ-Library: float32 rows (bits = 0) or RaBitQ codes of 8 bits."""

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        import rabitqlib
        self._index = rabitqlib.SymqgIndex(base.shape[1], 32, "ip" if metric == "ip" else "l2",
                                           self._bits)
        self._index.build(base, EF_CONSTRUCTION, threads)

    def settings(self) -> Sequence[int]:
        return EF_SWEEP

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        return self._index.search(queries, k, setting, threads)[0]


class Svs:
    """Vamana over float32 rows, graph degree 64. Unit rows use L2, with its alpha of 1.2."""

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        import svs
        self._distance = svs.DistanceType.MIP if metric == "ip" else svs.DistanceType.L2
        parameters = svs.VamanaBuildParameters(graph_max_degree=64, window_size=EF_CONSTRUCTION,
                                               max_candidate_pool_size=2 * EF_CONSTRUCTION)
        self._index = svs.Vamana.build(parameters, base, self._distance, num_threads=threads)

    def settings(self) -> Sequence[int]:
        return EF_SWEEP

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        if self._index.num_threads != threads:
            self._index.num_threads = threads
        self._index.search_window_size = setting
        return self._index.search(queries, k)[0]


class SvsCodes(Svs):
    """The Svs graph over codes; search parameters as they were best in a trial on muge_cnclip512. Intel allows
    these on its CPUs only, from scalable-vs 0.0.6 on (README.md)."""

    def __init__(self, load: Callable[[Any, Any], Any]) -> None:
        """load: (svs, VectorDataLoader) to the loader of the codes."""
        self._load = load

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        super().build(base[:256], metric, threads)
        self._compress(threads)  # ends the process where it is not allowed, before the long build
        super().build(base, metric, threads)
        self._compress(threads)
        parameters = self._index.search_parameters
        parameters.search_buffer_visited_set = True
        parameters.prefetch_lookahead, parameters.prefetch_step = 16, 4
        self._index.search_parameters = parameters

    def _compress(self, threads: int) -> None:
        import svs
        with tempfile.TemporaryDirectory() as folder:
            parts = [str(Path(folder) / part) for part in ("config", "graph", "data")]
            self._index.save(*parts)
            codes = self._load(svs, svs.VectorDataLoader(parts[2]))
            self._index = svs.Vamana(parts[0], svs.GraphLoader(parts[1]), codes, self._distance,
                                     num_threads=threads)


def _svs_lvq(primary: int, residual: int = 0) -> SvsCodes:
    return SvsCodes(lambda svs, vectors: svs.LVQLoader(
        vectors, primary=primary, residual=residual, padding=32,
        strategy=svs.LVQStrategy.Turbo if primary == 4 else svs.LVQStrategy.Auto))


def _svs_leanvec() -> SvsCodes:
    return SvsCodes(lambda svs, vectors: svs.LeanVecLoader(
        vectors, leanvec_dims=vectors.dims // 2, primary_kind=svs.LeanVecKind.lvq8,
        secondary_kind=svs.LeanVecKind.lvq8))


def _faiss_metric(faiss: Any, metric: str) -> int:
    return faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT


@dataclass(frozen=True)
class Entry:
    """How to make an engine."""

    package: str  # on PyPI; "vecinal" is this repository
    module: str  # imported before the clock starts
    make: Callable[[], Engine]


ENGINES: dict[str, Entry] = {
    "vecinal": Entry("vecinal", "vecinal", Vecinal),
    "vecinal-f16": Entry("vecinal", "vecinal", lambda: Vecinal(encoding="f16")),
    "vecinal-lvq8": Entry("vecinal", "vecinal", lambda: Vecinal(encoding="lvq8")),
    "vecinal-lvq4x8": Entry("vecinal", "vecinal", lambda: Vecinal(encoding="lvq4x8")),
    "vecinal-lvq4x8-48": Entry("vecinal", "vecinal", lambda: Vecinal(encoding="lvq4x8", degree=48)),
    "vecinal-lvq4x8-48-refined": Entry(
        "vecinal", "vecinal", lambda: Vecinal(encoding="lvq4x8", degree=48, refine=True)
    ),
    "vecinal-lvq8-48-refined": Entry(
        "vecinal", "vecinal", lambda: Vecinal(encoding="lvq8", degree=48, refine=True)
    ),
    "vecinal-lvq8x8": Entry("vecinal", "vecinal", lambda: Vecinal(encoding="lvq8x8")),
    "vecinal-pca8": Entry("vecinal", "vecinal", lambda: Vecinal(encoding="lvq8", reduce="pca", widen=1.5)),
    "vecinal-pca4x8": Entry("vecinal", "vecinal", lambda: Vecinal(encoding="lvq4x8", reduce="pca", widen=1.5)),
    "vecinal-fused": Entry("vecinal", "vecinal", lambda: VecinalFused(encoding="lvq8")),
    "vecinal-fused8x8": Entry("vecinal", "vecinal", lambda: VecinalFused(encoding="lvq8x8")),
    "vecinal-fused-gamma": Entry("vecinal", "vecinal", lambda: VecinalFused(gamma=True, encoding="lvq8x8")),
    "vecinal-fused-refined": Entry("vecinal", "vecinal", lambda: VecinalFused(refine=True, encoding="lvq8")),
    "vecinal-fused-gamma-refined": Entry(
        "vecinal", "vecinal", lambda: VecinalFused(gamma=True, refine=True, encoding="lvq8x8")
    ),
    "vecinal-fused-pca": Entry("vecinal", "vecinal", lambda: VecinalFused(encoding="lvq8", reduce="pca")),
    "hnswlib": Entry("hnswlib", "hnswlib", Hnswlib),
    "faiss-hnsw": Entry("faiss-cpu", "faiss", FaissHnsw),
    "usearch": Entry("usearch", "usearch.index", Usearch),
    "voyager": Entry("voyager", "voyager", Voyager),
    "deglib": Entry("deglib", "deglib", Deglib),
    "symqg": Entry("rabitqlib", "rabitqlib", lambda: Rabitq(0)),
    "symqg-8bit": Entry("rabitqlib", "rabitqlib", lambda: Rabitq(8)),
    "svs-vamana": Entry("scalable-vs", "svs", Svs),
    "svs-lvq8": Entry("scalable-vs", "svs", lambda: _svs_lvq(8)),
    "svs-lvq4x8": Entry("scalable-vs", "svs", lambda: _svs_lvq(4, 8)),
    "svs-leanvec8x8": Entry("scalable-vs", "svs", _svs_leanvec),
}

EXACT_ENGINES: dict[str, Entry] = {
    "vecinal-exact": Entry("vecinal", "vecinal", lambda: VecinalExact(graph=None)),
    "faiss-flat": Entry("faiss-cpu", "faiss", FaissFlat),
}
