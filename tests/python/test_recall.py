"""Recall on real vectors. VECINAL_DATA names the folder that holds the data sets."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pytest

import vecinal
from brute_force import recall

DATA = os.environ.get("VECINAL_DATA")
needs_data = pytest.mark.skipif(
    not DATA, reason="VECINAL_DATA names no folder with sift5k and others"
)


def read(name, *files):
    folder = pathlib.Path(DATA) / name
    if not folder.is_dir():
        pytest.skip(f"VECINAL_DATA has no {name}")
    return [np.load(folder / file) for file in files]


@needs_data
@pytest.mark.parametrize("encoding", ["f32", "f16"])
@pytest.mark.parametrize("order", ["shuffled", "given", "lid"])
def test_sift(encoding, order):
    """Floors a little below what faiss finds with the same degree, build beam and data."""
    base, queries, truth = read("sift5k", "base.npy", "queries.npy", "gt_l2_100.npy")
    index = vecinal.Index(128, encoding=encoding, order=order)
    index.add(base)
    assert recall(index.search(queries, k=100, exact=True).ids, truth) > 0.9999
    for beam, floor in ((10, 0.50), (40, 0.80), (160, 0.95), (640, 0.99)):
        found = recall(index.search(queries, k=10, beam=beam).ids, truth[:, :10])
        assert found > floor, f"beam {beam}: {found}"


@needs_data
def test_tune_reaches_its_target_on_other_queries():
    base, queries, truth = read("sift5k", "base.npy", "queries.npy", "gt_l2_100.npy")
    index = vecinal.Index(128)
    index.add(base)
    found = index.tune(queries[:50], recall=0.98, k=10)
    assert found["recall"] >= 0.98
    assert recall(index.search(queries[50:], k=10).ids, truth[50:, :10]) > 0.96


@needs_data
def test_filtered_sift():
    base, queries, truth = read("sift5k", "base.npy", "queries.npy", "gt_l2_100.npy")
    index = vecinal.Index(128)
    index.add(base)
    for share in (0.5, 0.1, 0.01):
        mask = np.random.default_rng(1).random(len(base)) < share
        exact = index.search(queries, k=10, filter=mask, exact=True)
        assert recall(index.search(queries, k=10, beam=100, filter=mask).ids, exact.ids) > 0.98


@needs_data
def test_texts_find_images_by_inner_product():
    """Queries of another distribution than the items."""
    base, queries, truth = read(
        "shop_clip_text2image", "base_image_f16.npy", "queries_text_f16.npy", "gt_ip_100.npy"
    )
    base, queries = (x.astype(np.float32) for x in (base, queries))
    base, queries = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (base, queries))
    for metric in ("ip", "cosine"):
        index = vecinal.Index(512, metric=metric)
        index.add(base)
        assert recall(index.search(queries, k=10, exact=True).ids, truth[:, :10]) > 0.999
        assert recall(index.search(queries, k=10, beam=200).ids, truth[:, :10]) > 0.95


def test_clustered_vectors_of_this_test():
    """Without data: a mixture of Gaussians, which is harder than one."""
    rng = np.random.default_rng(5)
    centres = 3 * rng.standard_normal((50, 24))
    rows, queries = (
        centres[rng.integers(0, 50, n)] + rng.standard_normal((n, 24)) for n in (4000, 100)
    )
    for metric in ("l2", "ip", "cosine"):
        index = vecinal.Index(24, metric=metric)
        index.add(rows)
        exact = index.search(queries, k=10, exact=True)
        assert recall(index.search(queries, k=10, beam=100).ids, exact.ids) > 0.95, metric
