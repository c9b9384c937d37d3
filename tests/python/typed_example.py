"""Code of a user, for the type checker alone; the lines that must not pass say so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

import vecinal


def use(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    index = vecinal.Index(rows.shape[1], metric="cosine", encoding="f16", graph=None, seed=3)
    index.train(rows, queries=[[1.0, 2.0]])
    assert_type(index.add(rows, range(len(rows)), progress=True), NDArray[np.int64])
    index.add(rows.astype(np.float64), [1, 2], progress=lambda done, total: done < total)

    hits = index.search(rows, 5, beam=50, filter=rows[:, 0] > 0, exact=False)
    ids, distances = hits
    assert_type(ids, NDArray[np.int64])
    assert_type(distances, NDArray[np.float32])
    assert_type(hits.similarities, NDArray[np.float32])
    assert_type(hits.stats, dict[str, Any])
    for filter in (
        [1, 2],
        {1, 2},
        np.arange(3),
        vecinal.Bitmap(np.ones(2, np.uint64)),
        lambda id: id % 2 == 0,
    ):
        index.search(rows[0], filter=filter)

    assert_type(index.remove(3) + index.remove([1, 2]) + index.remove(ids[0]), int)
    assert_type(index[42], NDArray[np.float32])
    assert_type([id for id in index], list[int])
    index.beam += 1
    index.defaults = {"rerank": 2 * index.beam}
    index.search(rows, rerank=100, reduced_dim=None)
    index.retrain(rows, progress=True)
    vecinal.Index(3, encoding="lvq4x8", reduce="leanvec_ood", reduced_dim=2, quantizer="fitted")
    vecinal.Index(3, encoding="lvq8", keep="f16", reduce=None)
    index.tune(rows, recall=0.9)["beam"]
    index.save("a.vcn")
    for source in ("a.vcn", bytes(index), memoryview(b""), open("a.vcn", "rb")):
        assert_type(vecinal.load(source, mmap=False), vecinal.Index)
    vecinal.info("a.vcn"), vecinal.show_config(), len(index), 42 in index, repr(index)

    vecinal.Index(3, M=16)  # type: ignore[call-arg]
    vecinal.Index(3, metric="l1")  # type: ignore[arg-type]
    vecinal.Index(3, reduce="umap")  # type: ignore[arg-type]
    index.search(rows, ef=50)  # type: ignore[call-arg]
    index.search(rows, k="10")  # type: ignore[arg-type]
    index.beam = "10"  # type: ignore[assignment]
    return hits.ids
