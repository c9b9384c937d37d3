"""Exact search: few queries against the time that reading the rows takes (G2), many against that of
a matrix product (G1)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import vecinal

import datasets  # of benchmarks/peers
import peers
import scoring  # of benchmarks/peers
from bench import Bench, guarded, row_bytes
from table import Line, ratios
from timing import interleaved

ENCODINGS = ("f16", "lvq8", "lvq4")  # beside f32
SMALL = (1, 10)  # queries of a call
WANTED = {("lvq8", 1): "<= 1.25x HBM time, >= 3.2x own f32", ("lvq4", 1): "<= 0.17 ms at 1M x 768"}


def in_turn(search: Callable[[np.ndarray], Any], queries: np.ndarray,
            batch: int) -> Callable[[], Any]:
    """A call that asks the next `batch` queries each time, round and round."""
    parts = itertools.cycle([queries[first:first + batch]
                             for first in range(0, len(queries) - batch + 1, batch)])
    return lambda: search(next(parts))


def few_queries(bench: Bench, dataset: datasets.Dataset,
                indexes: dict[str, vecinal.Index]) -> None:
    """G2."""
    rows, dim = dataset.base.shape
    asked = dataset.queries[:max(bench.sizes.alone, SMALL[-1])]
    calls = {}
    for encoding, index in indexes.items():
        for batch in SMALL:
            search = partial(index.search, k=bench.k, exact=True)
            calls[encoding, batch] = in_turn(search, asked, batch)
    seconds, _ = interleaved(calls, bench.sizes.repeats, bench.deadline)
    for encoding, batch in calls:
        floor = bench.read_floor(rows * row_bytes(encoding, dim))
        own = {} if encoding == "f32" else {"own f32": seconds["f32", batch]}
        bench.add(Line("G2", f"exact, {dataset.name}, {encoding}, batch {batch}",
                       seconds[encoding, batch], batch,
                       ratios=ratios(seconds[encoding, batch], own), floor=floor,
                       wanted=WANTED.get((encoding, batch), "")))


def many_queries(bench: Bench, dataset: datasets.Dataset,
                 indexes: dict[str, vecinal.Index]) -> None:
    """G1."""
    rows, dim = dataset.base.shape
    asked = dataset.queries[:bench.sizes.scanned]
    known = asked[:len(dataset.truth)]
    calls: dict[str, Callable[[], Any]] = {
        encoding: partial(index.search, asked, k=bench.k, exact=True)
        for encoding, index in indexes.items()}
    recalls = {encoding: scoring.recall(
        dataset, index.search(known, k=bench.k, exact=True).ids, bench.k)
        for encoding, index in indexes.items()}
    for peer in peers.made(peers.EXACT, bench.usable, dataset.base, bench.missing):
        def recall_of(peer: peers.Peer = peer) -> float:
            ids = peer.ids(peer.call(known, bench.k)())
            return scoring.recall(dataset, ids, bench.k)

        recall = guarded(bench.missing, peer.name, recall_of)
        if recall is not None:
            recalls[peer.name] = recall
            calls[peer.name] = peer.call(asked, bench.k)
    seconds, faults = interleaved(calls, bench.sizes.repeats, bench.deadline,
                                  rivals=set(calls) - set(indexes))
    bench.missing.update(faults)
    theirs = {name: value for name, value in seconds.items() if name not in indexes}
    floor = bench.product_floor(2.0 * rows * dim * len(asked))
    for name, value in seconds.items():
        ours = name in indexes
        bench.add(Line("G1", f"exact, {dataset.name}, {name}, batch {len(asked):,}", value,
                       len(asked), recalls[name], ratios(value, theirs) if ours else {}, floor,
                       ">= 3x torch, >= 2x cuVS, >= 1x flashlib; >= 55 %" if ours else ""))
