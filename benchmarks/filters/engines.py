"""The engines: each builds once, and answers a case with an effort."""

from __future__ import annotations

import faiss
import hnswlib
import numpy as np

import vecinal

EFFORTS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096)


class Vecinal:
    """The plan is chosen by the index; the effort is the beam."""

    def __init__(self, base: np.ndarray, metric: str, **config) -> None:
        self.index = vecinal.Index(base.shape[1], metric=metric, **config)
        self.index.add(base)
        self.plan = ""

    def prepare(self, mask: np.ndarray) -> None:
        self.filter = vecinal.Bitmap.from_mask(mask)

    def search(self, queries: np.ndarray, k: int, effort: int) -> np.ndarray:
        hits = self.index.search(queries, k=k, beam=effort, filter=self.filter, threads=1)
        self.plan = hits.stats["plan"]
        return hits.ids


class OneByOne(Vecinal):
    """As Vecinal, one query a call."""

    def search(self, queries: np.ndarray, k: int, effort: int) -> np.ndarray:
        return np.stack([super(OneByOne, self).search(q, k, effort) for q in queries])


class Hnswlib:
    """filter= takes a function of the id."""

    plan = "callback"

    def __init__(self, base: np.ndarray, metric: str, threads: int) -> None:
        self.index = hnswlib.Index("l2" if metric == "l2" else "ip", base.shape[1])
        self.index.init_index(len(base), M=16, ef_construction=200)
        self.index.add_items(base, num_threads=threads)

    def prepare(self, mask: np.ndarray) -> None:
        self.mask = mask.tolist()
        self.allowed = sum(self.mask)

    def search(self, queries: np.ndarray, k: int, effort: int) -> np.ndarray:
        self.index.set_ef(max(effort, k))
        found = np.full((len(queries), k), -1)
        for row, query in zip(found, queries):
            try:
                ids, _ = self.index.knn_query(query, k, num_threads=1, filter=self.mask.__getitem__)
                row[:] = ids[0]
            except RuntimeError:
                pass  # it found fewer than k, and gives none of them
        return found


class Faiss:
    """IndexHNSWFlat with IDSelectorBitmap."""

    plan = "selector"

    def __init__(self, base: np.ndarray, metric: str, threads: int) -> None:
        faiss.omp_set_num_threads(threads)
        how = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.IndexHNSWFlat(base.shape[1], 16, how)
        self.index.hnsw.efConstruction = 200
        self.index.add(base)
        faiss.omp_set_num_threads(1)

    def prepare(self, mask: np.ndarray) -> None:
        self.bits = np.packbits(mask, bitorder="little")
        self.selector = faiss.IDSelectorBitmap(len(mask), faiss.swig_ptr(self.bits))

    def search(self, queries: np.ndarray, k: int, effort: int) -> np.ndarray:
        params = faiss.SearchParametersHNSW(sel=self.selector, efSearch=max(effort, k))
        return self.index.search(queries, k, params=params)[1]
