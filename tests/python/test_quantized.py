"""Codes and reductions: what they find, what they keep, and what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import vecinal
from brute_force import distances, recall

# Encoding, keywords, and the least recall of 10 among 2,000 clustered rows of 48 dims.
KINDS = [
    ("lvq8", {}, 0.95),
    ("lvq4", {}, 0.75),
    ("lvq4", {"keep": "f32"}, 0.95),
    ("lvq4", {"keep": "f16", "reduce": "pca", "reduced_dim": 32}, 0.9),
    ("lvq4x4", {}, 0.95),
    ("lvq4x8", {"quantizer": "rotated_fitted"}, 0.95),
    ("lvq8x8", {}, 0.97),
    ("lvq8", {"reduce": "pca", "reduced_dim": 32}, 0.95),
    ("lvq4x8", {"reduce": "leanvec_ood", "reduced_dim": 40}, 0.95),
    ("f16", {"reduce": "prefix", "reduced_dim": 32}, 0.9),
    ("lvq8", {"layout": "fused"}, 0.95),
    ("lvq4x8", {"layout": "fused"}, 0.95),
    ("lvq8", {"layout": "fused", "keep": "f32", "reduce": "pca", "reduced_dim": 32}, 0.9),
]


def clustered(n, dim, seed):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).standard_normal((40, dim))
    return (centres[rng.integers(0, 40, n)] + 0.4 * rng.standard_normal((n, dim))).astype("float32")


@pytest.fixture(scope="module")
def data():
    return clustered(2000, 48, 1), clustered(60, 48, 2)


def build(rows, metric, encoding, keywords):
    index = vecinal.Index(rows.shape[1], metric=metric, encoding=encoding, **keywords)
    index.train(rows, clustered(200, rows.shape[1], 3))
    index.add(rows)
    return index


@pytest.mark.parametrize("metric", ["l2", "ip", "cosine"])
@pytest.mark.parametrize(("encoding", "keywords", "least"), KINDS)
def test_recall_files_and_pickles(data, tmp_path, metric, encoding, keywords, least):
    rows, queries = data
    if keywords.get("reduce") and encoding == "f16" and metric == "ip":
        least = 0.8  # inner products are not bounded by what the left-out dimensions hold
    index = build(rows, metric, encoding, keywords)
    truth = np.argsort(distances(metric, queries, rows), axis=1, kind="stable")[:, :10]
    hits = index.search(queries, k=10, beam=200, rerank=400)
    assert recall(hits.ids, truth) >= least
    assert (np.diff(hits.distances, axis=1) >= 0).all()
    index.save(tmp_path / "a.vcn")
    for other in (
        vecinal.load(tmp_path / "a.vcn"),
        vecinal.load(tmp_path / "a.vcn", mmap=True),
        pickle.loads(pickle.dumps(index)),
    ):
        assert other.config == index.config
        again = other.search(queries, beam=200, rerank=400)
        np.testing.assert_array_equal(again.ids, hits.ids)
        np.testing.assert_array_equal(again.distances, hits.distances)
        assert other.check() == [] and bytes(other) == bytes(index)
    info = vecinal.info(tmp_path / "a.vcn")
    assert info["config"]["encoding"] == encoding


@pytest.mark.parametrize(("encoding", "keywords", "least"), KINDS)
def test_removed_and_filtered_items_stay_away(data, encoding, keywords, least):
    rows, queries = data
    index = build(rows, "l2", encoding, keywords)
    index.remove(np.arange(0, 2000, 2))
    hits = index.search(queries, k=10, filter=np.arange(500))
    assert (hits.counts == 10).all()
    assert (hits.ids % 2 == 1).all() and (hits.ids < 500).all()
    exact = index.search(queries, k=10, filter=np.arange(500), exact=True)
    assert recall(hits.ids, exact.ids) > 0.9


def test_the_first_rows_train(data):
    rows, _ = data
    index = vecinal.Index(48, encoding="lvq8")
    assert not index.stats()["trained"]
    index.add(rows)
    assert index.stats()["trained"]
    with pytest.raises(ValueError, match="retrain"):
        index.train(rows)


def test_retraining_keeps_items_and_answers(data):
    rows, queries = data
    index = build(rows, "l2", "lvq8x8", {"reduce": "pca", "reduced_dim": 32})
    index.add(clustered(500, 48, 4) + 3)
    before, ids = index.search(queries, exact=True), index.ids.tolist()
    assert index.stats()["added_error"] > index.stats()["trained_error"]
    seen = []
    index.retrain(progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2500, 2500)
    assert index.ids.tolist() == ids and index.stats()["added_error"] == 0
    assert index.check() == []
    assert recall(index.search(queries, exact=True).ids, before.ids) > 0.95


def test_stats_tell_what_was_learned(data):
    rows, _ = data
    stats = build(rows, "cosine", "lvq4x8", {"reduce": "pca", "reduced_dim": 32}).stats()
    assert stats["reduced_dim"] == 32
    assert stats["quantizer"] in ("plain", "fitted", "rotated", "rotated_fitted")
    assert 0 < stats["trained_error"] < 1 and 0 <= stats["clipped"] < 0.1
    parts = ("bytes_rows", "bytes_secondary", "bytes_graph", "bytes_ids")
    assert stats["bytes"] == sum(stats[part] for part in parts) and stats["bytes_secondary"] > 0


def test_fewer_reduced_dims_may_be_walked(data):
    rows, queries = data
    index = build(rows, "l2", "lvq8", {"reduce": "pca", "reduced_dim": 40})
    hits = index.search(queries, k=10, beam=100, rerank=300, reduced_dim=32)
    assert recall(hits.ids, index.search(queries, k=10, exact=True).ids) > 0.9
    with pytest.raises(ValueError, match="reduced_dim"):
        index.search(queries, reduced_dim=41)


def test_what_cannot_be_is_refused(data):
    rows, queries = data
    for keywords in (
        {"encoding": "lvq9"},
        {"reduce": "umap"},
        {"quantizer": "best"},
        {"keep": "f64"},
        {"encoding": "lvq4x8", "keep": "f32"},
        {"reduce": "leanvec_ood", "metric": "l2"},
        {"reduced_dim": 5},
        {"encoding": "lvq8", "reduce": "pca", "reduced_dim": 49},
    ):
        with pytest.raises(ValueError):
            vecinal.Index(48, **keywords)
    ood = vecinal.Index(48, encoding="lvq8", reduce="leanvec_ood")
    for call in (ood.add, ood.train):
        with pytest.raises(vecinal.NotTrained, match="queries"):
            call(rows)
    assert len(ood) == 0 and not ood.stats()["trained"]
    few = vecinal.Index(48, encoding="lvq8", reduce="pca", reduced_dim=40)
    with pytest.raises(ValueError, match="too few"):
        few.train(rows[:39])
    with pytest.raises(ValueError, match="too few"):
        few.add(rows[:39])
    with pytest.raises(ValueError, match="dims"):
        few.train(rows, queries[:, :47])
    with pytest.raises(vecinal.NotTrained):
        few.retrain()


def test_equal_rows_and_outliers(data):
    rows, queries = data
    equal = vecinal.Index(48, encoding="lvq4x8")
    equal.add(np.ones((300, 48), "float32"))
    assert (equal.search(np.ones(48, "float32"), k=300).counts == 300).all()
    outlier = rows.copy()
    outlier[0] = 1e18
    index = vecinal.Index(48, encoding="lvq8")
    index.add(outlier)
    truth = np.argsort(distances("l2", queries, outlier), axis=1)[:, :10]
    assert recall(index.search(queries, k=10, beam=100).ids, truth) > 0.9
    with pytest.raises(ValueError, match="row 0"):
        index.add(np.full((1, 48), 1e30, "float32"))
    assert len(index) == 2000


def test_layout_auto_says_what_it_became(data):
    rows, _ = data
    for options, layout in (
        ({"encoding": "lvq8"}, "fused"),
        ({"encoding": "f16"}, "split"),
        ({"encoding": "lvq8", "degree": 16}, "split"),
        ({"encoding": "lvq8", "memory_limit": 1_000_000}, "split"),
        ({"encoding": "lvq8", "memory_limit": 100_000_000}, "fused"),
    ):
        index = vecinal.Index(rows.shape[1], layout="auto", **options)
        index.add(rows)
        assert index.config["layout"] == layout, options
        assert index.stats()["layout_reason"].startswith(layout)
        assert vecinal.load(bytes(index)).config["layout"] == layout
        assert vecinal.Index(**index.config).config["layout"] == layout
    assert vecinal.Index(3, layout="auto", encoding="lvq8", memory_limit=10**9).config["layout"] == "auto"
