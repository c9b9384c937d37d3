"""The sets that are searched, mixtures made from a seed and stored sets, and their truth."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

import datasets  # of benchmarks/peers
import vecinal

SEED = 7
CHUNK = 16_384  # rows made at a time
CLUSTERS = 1_000
SPREAD = 0.8  # of a cluster, beside that of the centres
NOISE = 0.2  # in every dimension
CHECKED = 4  # queries whose truth numpy finds again


def mixture(rows: int, dim: int, queries: int, seed: int = SEED) -> datasets.Dataset:
    """Points about CLUSTERS centres, spread in few directions and a little in all; no truth yet.

    Variance falls off as 1 / sqrt(i), and clusters overlap: about as hard for graphs as embeddings
    are. The same seed gives the same points for any number of cores.
    """
    rng = np.random.default_rng(seed)
    rank = max(2, min(dim // 4, 64))
    directions = rng.standard_normal((rank, dim), dtype=np.float32)
    directions /= np.arange(1, rank + 1, dtype=np.float32)[:, None] ** 0.25
    centres = rng.standard_normal((min(CLUSTERS, max(1, rows // 8)), rank), dtype=np.float32)
    points = np.empty((rows + queries, dim), np.float32)

    def fill(number: int) -> None:
        part = points[number * CHUNK:(number + 1) * CHUNK]
        own = np.random.default_rng([seed, number])
        own.standard_normal(out=part, dtype=np.float32)
        part *= NOISE
        weights = own.standard_normal((len(part), rank), dtype=np.float32) * np.float32(SPREAD)
        weights += centres[own.integers(0, len(centres), len(part))]
        part += weights @ directions

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(fill, range(-(-len(points) // CHUNK))))
    name = f"{rows:,} x {dim}"
    return datasets.Dataset(name, "l2", Path(), points[:rows], points[rows:],
                            np.empty((0, 0), np.int32))


def stored(name: str, data: Path, cache: Path) -> datasets.Dataset:
    """A set of `data`, as benchmarks/peers has it, with its own truth. Raises FileNotFoundError."""
    dataset = datasets.load(datasets.prepare(name, data, None, cache))
    return replace(dataset, base=np.array(dataset.base), queries=np.array(dataset.queries))


def exact_index(dataset: datasets.Dataset, encoding: str = "f32") -> vecinal.Index:
    """An index on the device that compares queries with all rows."""
    index = vecinal.Index(dataset.base.shape[1], metric=dataset.metric, encoding=encoding,
                          graph=None, device="cuda")
    index.add(dataset.base)
    return index


def with_truth(dataset: datasets.Dataset, index: vecinal.Index, queries: int,
               k: int) -> datasets.Dataset:
    """The set with the k nearest rows of its first queries, by an exact index of its f32 rows.

    Raises ValueError if numpy, in double precision, finds others for some of them.
    """
    truth = index.search(dataset.queries[:queries], k=k).ids.astype(np.int32)
    known = replace(dataset, truth=truth)
    check_truth(known, k)
    return known


def check_truth(dataset: datasets.Dataset, k: int) -> None:
    """Compares the truth of a few queries, l2, with distances by numpy in double precision."""
    for query in range(min(CHECKED, len(dataset.truth))):
        point = dataset.queries[query].astype(np.float64)
        distances = np.concatenate([
            np.square(dataset.base[first:first + CHUNK] - point).sum(axis=1)
            for first in range(0, len(dataset.base), CHUNK)])
        best = np.sort(np.partition(distances, k - 1)[:k])
        found = distances[dataset.truth[query, :k]]
        # float32 distances may change the order of rows that are so close
        if not np.allclose(found, best, rtol=1e-5, atol=1e-5):
            raise ValueError(f"{dataset.name}: the exact scan on the device and numpy differ for"
                             f" query {query}: {found} and {best}")
