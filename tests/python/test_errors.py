"""Errors name the value and the rule."""

from __future__ import annotations

import numpy as np
import pytest

import vecinal


@pytest.mark.parametrize(
    "keyword, answer",
    [
        ("M", r"degree \(= 2 \* M\)"),
        ("ef_construction", "build_beam"),
        ("space", "metric"),
        ("max_elements", "not needed, an index grows by itself"),
        ("ef", "beam"),
        ("ef_search", "beam"),
        ("num_threads", "threads"),
        ("metrc", "did you mean metric"),
        ("reduction", "vecinal calls it reduce"),
        (
            "zzz",
            "known are dim, metric, encoding, reduce, reduced_dim, quantizer, keep, fde, tokens, "
            "pooling, layout, graph, degree, build_beam, order, threads, memory_limit, device, seed",
        ),
    ],
)
def test_unknown_keywords_are_answered(keyword, answer):
    with pytest.raises(TypeError, match=f"^Index: unknown keyword '{keyword}'; .*{answer}"):
        vecinal.Index(4, **{keyword: 16})


def test_unknown_keywords_of_calls_are_answered():
    index = vecinal.Index(2)
    with pytest.raises(
        TypeError, match="Index.search: unknown keyword 'ef'; vecinal calls it beam"
    ):
        index.search([0, 0], ef=50)
    with pytest.raises(
        TypeError, match="Index.search: unknown keyword 'count'; vecinal calls it k"
    ):
        index.search([0, 0], count=5)
    with pytest.raises(TypeError, match="Index.add: unknown keyword 'keys'; vecinal calls it ids"):
        index.add([[0, 0]], keys=[1])


def test_options_are_keywords():
    with pytest.raises(TypeError):
        vecinal.Index(4, "l2")
    with pytest.raises(TypeError):
        vecinal.Index()
    with pytest.raises(TypeError):
        vecinal.Index(4).search(np.zeros(4), 10, 50)


@pytest.mark.parametrize(
    "config, message",
    [
        ({"dim": 0}, "dim is 0"),
        ({"dim": -5}, "dim is -5"),
        ({"dim": 65_537}, "dim"),
        ({"dim": 2**40}, "dim"),
        ({"metric": "l1"}, "l1.*l2.*ip.*cosine"),
        ({"encoding": "f64"}, "f64.*f32.*f16.*lvq8.*lvq4.*lvq4x4.*lvq4x8.*lvq8x8"),
        ({"reduce": "umap"}, "umap.*none.*pca.*leanvec_ood.*prefix"),
        ({"quantizer": "best"}, "best.*auto.*plain.*fitted.*rotated.*rotated_fitted"),
        ({"keep": "f64"}, "f64.*none.*f16.*f32"),
        ({"reduced_dim": -1}, "reduced_dim is -1"),
        ({"reduced_dim": 2}, "reduced_dim.*0 without a reduction.*2"),
        ({"reduce": "pca", "reduced_dim": 5}, "reduced_dim.*5"),
        ({"reduce": "pca", "dim": 8193}, "dim.*8192.*8193"),
        ({"reduce": "leanvec_ood"}, "lvq.*leanvec_ood.*f32"),
        ({"quantizer": "plain"}, "quantizer.*plain"),
        ({"keep": "f32"}, "keep.*f32"),
        ({"encoding": "lvq4x8", "keep": "f16"}, "keep.*f16"),
        ({"graph": "tree"}, "tree.*hnsw"),
        ({"order": "random"}, "random.*shuffled"),
        ({"degree": 5}, "degree.*5"),
        ({"degree": 2}, "degree.*2"),
        ({"degree": 258}, "degree.*258"),
        ({"degree": -2}, "degree is -2"),
        ({"degree": 2**32 + 4}, "degree"),
        ({"build_beam": 0}, "build_beam"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed"),
        ({"threads": -1}, "threads is -1"),
    ],
)
def test_values_out_of_range(config, message):
    with pytest.raises(ValueError, match=message):
        vecinal.Index(**{"dim": 4, **config})


@pytest.mark.parametrize(
    "config",
    [
        {"dim": 4.0},
        {"dim": "4"},
        {"dim": True},
        {"dim": None},
        {"metric": None},
        {"metric": 2},
        {"encoding": np.float32},
        {"reduce": False},
        {"reduced_dim": 2.0},
        {"quantizer": None},
        {"keep": 16},
        {"graph": True},
        {"degree": 32.0},
        {"build_beam": "200"},
        {"seed": None},
        {"threads": 1.5},
        {"order": None},
    ],
)
def test_values_of_another_type(config):
    with pytest.raises(TypeError, match=next(iter(config))):
        vecinal.Index(**{"dim": 4, **config})


def test_numpy_integers_are_integers():
    index = vecinal.Index(np.int16(4), degree=np.uint8(8), seed=np.int64(3))
    assert index.config["dim"] == 4
    index.add(np.eye(4))
    assert index.search(np.zeros(4), k=np.int32(2), beam=np.uint64(9)).ids.shape == (2,)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"k": 0}, ValueError, "k is 0"),
        ({"k": -1}, ValueError, "k is -1"),
        ({"k": 2**40}, ValueError, "k is"),
        ({"k": 2.0}, TypeError, "k must be an int, got 2.0"),
        ({"k": True}, TypeError, "k must be an int, got True"),
        ({"k": None}, TypeError, "k must be an int, got None"),
        ({"k": "3"}, TypeError, "k must be an int"),
        ({"beam": 0}, ValueError, "beam is 0"),
        ({"beam": -3}, ValueError, "beam is -3"),
        ({"beam": 9.5}, TypeError, "beam must be an int"),
        ({"beam": False}, TypeError, "beam must be an int"),
        ({"rerank": -3}, ValueError, "rerank is -3"),
        ({"rerank": 9.5}, TypeError, "rerank must be an int"),
        ({"reduced_dim": -1}, ValueError, "reduced_dim is -1"),
        ({"reduced_dim": 1}, ValueError, "reduced_dim needs an index with a reduction"),
        ({"reduced_dim": "1"}, TypeError, "reduced_dim must be an int"),
        ({"threads": -1}, ValueError, "threads is -1"),
        ({"threads": "2"}, TypeError, "threads must be an int"),
        ({"progress": 3}, TypeError, "progress must be a callable"),
    ],
)
def test_options_of_a_search(options, error, message):
    index = vecinal.Index(2)
    index.add(np.eye(2))
    with pytest.raises(error, match=message):
        index.search([0, 1], **options)


def test_dimensions_that_differ_are_both_named():
    index = vecinal.Index(6)
    for call in (index.add, index.train, index.search):
        with pytest.raises(ValueError, match=r"\b4\b.*\b6\b"):
            call(np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"\b4\b.*\b6\b"):
        index.search(np.zeros(4))
    with pytest.raises(ValueError, match=r"\b4\b.*\b6\b"):
        index.train(np.zeros((3, 6)), np.zeros((3, 4)))


def test_zero_rows_have_no_cosine():
    rows = np.ones((5, 3))
    rows[3] = 0
    index = vecinal.Index(3, metric="cosine")
    for call in (index.add, index.search):
        with pytest.raises(ValueError, match=r"\b3\b.*zero|zero.*\b3\b"):
            call(rows)
    assert len(index) == 0


def test_a_failed_add_changes_nothing(rng):
    index = vecinal.Index(4)
    index.add(rng.standard_normal((30, 4)))
    before = bytes(index)
    bad = rng.standard_normal((30, 4))
    bad[-1, -1] = np.nan
    for rows, ids in (
        (bad, None),
        (bad[:5], [0, 1, 2, 3, 4]),
        (bad[:3], [90, 91, 90]),
        (np.ones((2, 5)), None),
    ):
        with pytest.raises(ValueError):
            index.add(rows, ids)
    assert bytes(index) == before and index.check() == []
    assert index.add(np.ones((1, 4))).tolist() == [30]


def test_exceptions_have_a_place_in_pythons():
    for error in (vecinal.FormatError, vecinal.NotTrained, vecinal.Cancelled):
        assert issubclass(error, RuntimeError) and error.__doc__
