"""What a search returns: shapes, order, padding, names; and what an index says of itself."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import vecinal
from brute_force import check_hits

METRICS = ["l2", "ip", "cosine"]


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(3).standard_normal((200, 12)).astype(np.float32)


def index_of(rows, **config):
    index = vecinal.Index(rows.shape[1], **config)
    index.add(rows)
    return index


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("encoding, atol", [("f32", 1e-5), ("f16", 2e-2)])
@pytest.mark.parametrize("graph", ["hnsw", None])
def test_the_nearest_are_found(metric, encoding, atol, graph, rows):
    index = index_of(rows, metric=metric, encoding=encoding, graph=graph)
    queries = rows[:9] + 0.1
    for options in ({"exact": True}, {"beam": 200}, {"beam": 200, "threads": 1}):
        check_hits(
            index.search(queries, k=7, **options), metric, queries, index.ids, rows, 7, atol=atol
        )


def test_ranks_decide_the_shape(rows):
    index = index_of(rows)
    many, row, one = (
        index.search(rows[:4], k=3),
        index.search(rows[:1], k=3),
        index.search(rows[0], k=3),
    )
    for hits, lead in ((many, (4,)), (row, (1,)), (one, ())):
        assert hits.ids.shape == hits.distances.shape == lead + (3,) and hits.counts.shape == lead
        assert (
            hits.ids.dtype == np.int64
            and hits.distances.dtype == np.float32
            and hits.counts.dtype == np.int64
        )
    np.testing.assert_array_equal(row.ids[0], one.ids)
    assert index.search(rows[0]).ids.shape == (10,)
    assert index.search(rows[0], 2).ids.shape == (2,)


def test_a_pair_with_names(rows):
    hits = index_of(rows).search(rows[:2], k=3)
    ids, distances = hits
    assert isinstance(hits, tuple) and isinstance(hits, vecinal.Neighbors) and len(hits) == 2
    assert ids is hits.ids is hits[0] and distances is hits.distances is hits[1]
    assert hits.stats["distances"] > 0
    assert set(hits.stats) == {
        *("hops", "distances", "reranked", "exact", "allowed", "plan")
    }
    assert repr(hits).startswith("Neighbors(ids=array([[")
    ids[:] = 0  # the caller's own


def test_exact_searches_are_counted(rows):
    assert index_of(rows).search(rows[:5], exact=True).stats["exact"] == 5


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))]
)
def test_results_can_be_copied(copied, rows):
    hits = index_of(rows, metric="ip").search(rows[:2], k=3)
    other = copied(hits)
    assert type(other) is vecinal.Neighbors and other.stats == hits.stats
    for name in ("ids", "distances", "counts", "similarities"):
        np.testing.assert_array_equal(getattr(other, name), getattr(hits, name))


def test_similarities(rows):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    by_product = index_of(rows, metric="ip").search(rows[:3], k=5, exact=True)
    np.testing.assert_allclose(
        by_product.similarities, -np.sort(-(rows[:3] @ rows.T))[:, :5], rtol=1e-5
    )
    by_cosine = index_of(rows, metric="cosine").search(rows[:3], k=5, exact=True)
    np.testing.assert_allclose(
        by_cosine.similarities, -np.sort(-(unit[:3] @ unit.T))[:, :5], atol=1e-6
    )
    assert by_cosine.similarities.dtype == np.float32
    by_distance = index_of(rows).search(rows[:3])
    assert not hasattr(by_distance, "similarities")
    with pytest.raises(AttributeError, match="'l2' has distances"):
        _ = by_distance.similarities


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("graph", ["hnsw", None])
def test_fewer_than_k_are_padded(metric, graph, rows):
    index = index_of(rows[:3], metric=metric, graph=graph)
    for exact in (False, True):
        hits = index.search(rows[:2], k=5, exact=exact)
        assert (hits.ids[:, 3:] == -1).all() and np.isposinf(hits.distances[:, 3:]).all()
        assert (np.sort(hits.ids[:, :3]) == [0, 1, 2]).all() and hits.counts.tolist() == [3, 3]
    empty = vecinal.Index(12, metric=metric, graph=graph).search(rows[:2], k=2)
    assert (empty.ids == -1).all() and empty.counts.tolist() == [0, 0]
    if metric != "l2":
        assert np.isneginf(empty.similarities).all()


def test_ties_are_in_the_order_of_the_ids():
    index = vecinal.Index(2)
    index.add(np.ones((6, 2)), [50, 20, 40, 10, 60, 30])
    for exact in (False, True):
        assert index.search([1, 1], k=4, exact=exact).ids.tolist() == [10, 20, 30, 40]


def test_k_far_beyond_the_size(rows):
    hits = index_of(rows[:5]).search(rows[0], k=100_000)
    assert hits.counts == 5 and hits.ids.shape == (100_000,)


def test_same_seed_same_bytes_for_any_thread_count(rows):
    first = bytes(index_of(rows, seed=7, threads=1))
    assert first == bytes(index_of(rows, seed=7, threads=3))
    one, two = index_of(rows, threads=1), index_of(rows, threads=2)
    np.testing.assert_array_equal(one.search(rows).ids, two.search(rows, threads=4).ids)


def test_config_makes_an_index_like_it():
    given = dict(
        dim=5,
        metric="ip",
        encoding="lvq8",
        reduce="pca",
        reduced_dim=3,
        quantizer="rotated",
        keep="f16",
        layout="split",
        graph=None,
        degree=8,
        build_beam=33,
        order="lid",
        threads=2,
        memory_limit=1 << 40,
        device="cpu",
        seed=2**64 - 1,
    )
    index = vecinal.Index(**given)
    assert index.config == given and index.dim == 5
    assert vecinal.Index(**index.config).config == given
    defaults = vecinal.Index(3).config
    assert defaults == dict(
        dim=3,
        metric="l2",
        encoding="f32",
        reduce=None,
        reduced_dim=None,
        quantizer="auto",
        keep=None,
        layout="split",
        graph="hnsw",
        degree=32,
        build_beam=200,
        order="shuffled",
        threads=0,
        memory_limit=0,
        device="cpu",
        seed=0,
    )


def test_stats_and_repr(rows):
    index = index_of(rows, metric="cosine", encoding="f16")
    index.remove([1, 2])
    stats = index.stats()
    assert stats["size"] == len(index) == 198 and stats["removed"] <= 2
    assert stats["bytes"] == stats["bytes_rows"] + stats["bytes_graph"] + stats["bytes_ids"] > 0
    text = repr(index)
    for part in (
        "dim=12",
        "metric='cosine'",
        "encoding='f16'",
        "n=198",
        f"bytes={stats['bytes']}",
        "simd='",
    ):
        assert part in text
    assert index.check() == []


def test_beam_is_kept(rows):
    index = index_of(rows)
    assert index.beam >= 1
    index.beam = 123
    assert index.beam == 123 and vecinal.load(bytes(index)).beam == 123
    for bad, error in (
        (0, ValueError),
        (-1, ValueError),
        (10**7, ValueError),
        (1.5, TypeError),
        (True, TypeError),
    ):
        with pytest.raises(error, match="beam"):
            index.beam = bad
    assert index.beam == 123


def test_rerank_is_kept(rows):
    index = index_of(rows, encoding="lvq4x8")
    assert index.defaults["rerank"] == 0
    index.defaults = {"rerank": 55}
    assert index.defaults == vecinal.load(bytes(index)).defaults == {
        "beam": 64,
        "rerank": 55,
        "candidates": 0,
        "gamma": 0.0,
    }
    for options, reranked in (
        ({}, 55),
        ({"rerank": 0}, 55),
        ({"rerank": 70}, 70),
        ({"rerank": 1}, 20),  # raised to the beam
    ):
        assert index.search(rows[0], beam=20, **options).stats["reranked"] == reranked
    for bad, error in (
        (-1, ValueError),
        (10**7, ValueError),
        (1.5, TypeError),
        (True, TypeError),
        (None, TypeError),
    ):
        with pytest.raises(error, match="rerank"):
            index.defaults = {"rerank": bad}
    assert index.defaults["rerank"] == 55


def test_gamma_is_kept(rows):
    index = index_of(rows, encoding="lvq8", layout="fused")
    index.defaults = {"gamma": 0.25}
    assert vecinal.load(bytes(index)).defaults["gamma"] == 0.25
    wide = index.search(rows, beam=100).stats["hops"]
    index.defaults = {"gamma": 0.001}
    assert index.search(rows, beam=100).stats["hops"] < wide
    assert index.search(rows, beam=100, gamma=100.0).stats["hops"] >= wide
    for bad, error in ((-1, ValueError), (float("nan"), ValueError), ("x", TypeError)):
        with pytest.raises(error, match="gamma"):
            index.defaults = {"gamma": bad}
        with pytest.raises(error, match="gamma"):
            index.search(rows, gamma=bad)


def test_tune_sets_the_beam(rows):
    index = index_of(rows)
    result = index.tune(rows[:50] + 0.01, recall=0.9, k=5)
    assert set(result) == {
        "target", "k", "beam", "rerank", "candidates", "gamma", "items",
        "recall", "checked_recall", "checked_low", "checked_high",
    }
    assert index.beam == result["beam"] >= 1
    assert 0 <= result["checked_low"] <= result["checked_recall"] <= result["checked_high"] <= 1
    assert index.defaults["rerank"] == result["rerank"] == 0  # there is nothing to re-rank by
    assert 0.9 <= result["recall"] <= 1
    for bad in (0, 1.01, -1, float("nan")):
        with pytest.raises(ValueError, match="recall"):
            index.tune(rows, recall=bad)
    with pytest.raises(ValueError):
        index.tune(rows[:0])
    with pytest.raises(ValueError):
        vecinal.Index(12).tune(rows)


def test_searches_ask_for_a_recall_that_was_tuned(rows, tmp_path):
    index = index_of(rows)
    with pytest.raises(ValueError, match=r"recall 0.9 at k 5 is not tuned \(nothing is\)"):
        index.search(rows[:3], k=5, recall=0.9)
    tuned = [index.tune(rows[:50] + 0.01, recall=recall, k=5) for recall in (0.9, 0.99)]
    assert index.stats()["tuned"] == tuned
    assert tuned[0]["items"] == len(rows) and tuned[0]["target"] == 0.9 and tuned[0]["k"] == 5
    index.save(tmp_path / "a.vcn")
    assert vecinal.info(tmp_path / "a.vcn")["tuned"] == tuned
    for one in (index, vecinal.load(tmp_path / "a.vcn")):
        for asked, chosen in ((0.5, tuned[0]), (0.9, tuned[0]), (0.95, tuned[1])):
            hits = one.search(rows[:50], k=5, recall=asked)
            assert hits.stats == one.search(rows[:50], k=5, beam=chosen["beam"]).stats
    with pytest.raises(ValueError, match="0.9 at k 5, 0.99 at k 5 are"):
        index.search(rows[:3], k=6, recall=0.9)
    for bad, error in ((0, ValueError), (1.5, ValueError), (float("nan"), ValueError), ("a", TypeError)):
        with pytest.raises(error, match="recall"):
            index.search(rows[:3], k=5, recall=bad)
    for option in ({"beam": 9}, {"rerank": 9}, {"gamma": 0.1}, {"reduced_dim": 2}, {"candidates": 9}):
        with pytest.raises(ValueError, match="give it or them"):
            index.search(rows[:3], k=5, recall=0.9, **option)
    coded = index_of(rows, encoding="lvq8")
    coded.tune(rows[:50], recall=0.9)
    coded.add(rows[:5] + 1)
    assert len(coded.stats()["tuned"]) == 1
    coded.retrain()
    assert coded.stats()["tuned"] == []


def test_stats_are_those_of_a_search_or_refused() -> None:
    from vecinal import _core

    with pytest.raises(ValueError, match="not the stats of a search"):
        _core.search_stats(b"")
    with pytest.raises(ValueError, match="not the stats of a search"):
        _core.search_stats(b"\xff" * 48)
