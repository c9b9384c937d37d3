"""Sets of vectors: MaxSim of queries with all sets (G9); sets encoded and added (G10)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import vecinal

import peers
import scans
from bench import Bench
from table import Line, ratios
from timing import interleaved

DIM = 128
RANKED = ("f16", "lvq8")  # how the vectors of sets are kept
SMALL_FDE = {"repetitions": 2, "k_sim": 2, "projected_dim": 8}  # where encodings are not the point
PAPERS_FDE = {"repetitions": 20, "k_sim": 5, "projected_dim": 16}
OURS = "vecinal"
AGREE = 8  # queries or sets whose answers are compared with the host's


def token_sets(count: int, size: int, seed: int) -> np.ndarray:
    """(count, size, DIM) unit vectors that have something in common within a set, from a seed."""
    rng = np.random.default_rng(seed)
    tokens = rng.standard_normal((count, size, DIM), dtype=np.float32)
    tokens += rng.standard_normal((count, 1, DIM), dtype=np.float32)
    tokens /= np.linalg.norm(tokens, axis=2, keepdims=True)
    return tokens


def index_of(documents: np.ndarray, fde: dict[str, int], device: str,
             tokens: str = "lvq8") -> vecinal.Index:
    index = vecinal.Index(DIM, metric="chamfer", encoding="lvq8", quantizer="plain", graph=None,
                          fde=fde, tokens=tokens, device=device)
    index.add(documents)
    return index


def ranked(bench: Bench) -> None:
    """G9: one query against all sets, exactly."""
    sizes = bench.sizes
    documents = token_sets(sizes.sets, sizes.set_vectors, 5)
    queries = token_sets(sizes.alone, 32, 6)
    calls: dict[str, Callable[[], Any]] = {}
    for tokens in RANKED:
        index = index_of(documents, SMALL_FDE, "cuda", tokens)
        check_answers(index, queries[:AGREE], bench.k)
        calls[tokens] = scans.in_turn(partial(index.search, k=bench.k, exact=True), queries, 1)
    for peer in peers.made(peers.SETS, bench.usable, documents, bench.missing):
        calls[peer.name] = peers.in_turn(peer, queries, bench.k, 1)
    seconds, faults = interleaved(calls, sizes.repeats, bench.deadline,
                                  rivals=set(calls) - set(RANKED))
    bench.missing.update(faults)
    theirs = {name: value for name, value in seconds.items() if name not in RANKED}
    for name, value in seconds.items():
        held = documents.size * (1 if name == "lvq8" else 2)
        wanted = {"f16": ">= 1x LIK, <= 0.30 ms", "lvq8": ">= 1.6x LIK"}.get(name, "")
        bench.add(Line("G9", f"MaxSim, {sizes.sets:,} x {sizes.set_vectors} x {DIM}, {name}, 32"
                       " vectors a query", value, floor=bench.read_floor(held),
                       ratios=ratios(value, theirs) if name in RANKED else {}, wanted=wanted))


def check_answers(index: vecinal.Index, queries: np.ndarray, k: int) -> None:
    """Raises if the host, asked the same, finds sets of other distances."""
    there = index.search(queries, k=k, exact=True)
    here = vecinal.load(bytes(index)).search(queries, k=k, exact=True)
    np.testing.assert_allclose(there.distances, here.distances, rtol=1e-4,
                               err_msg="MaxSim on the device and on the host differ")


def added(bench: Bench) -> None:
    """Sets added from the host, which encodes and keeps them."""
    documents = token_sets(bench.sizes.sets, 80, 7)
    seconds = {}
    for device in ("cuda", "cpu"):
        index_of(documents[:64], PAPERS_FDE, device)  # warms up
        start = time.perf_counter()
        index_of(documents, PAPERS_FDE, device)
        seconds[device] = time.perf_counter() - start
    bench.add(Line("G10", f"add, {len(documents):,} sets of 80, (20, 5, 16)", seconds["cuda"],
                   len(documents), ratios=ratios(seconds["cuda"], {"own CPU": seconds["cpu"]}),
                   remark="sets a second from the host; encoding, training and keeping together"))


def encoded(bench: Bench) -> None:
    """G10: sets on the device, encoded there; their values are the host's."""
    if "torch" not in bench.usable:
        bench.missing["encoding sets on the device"] = "it takes torch"
        return
    import torch

    documents = token_sets(bench.sizes.sets, 80, 7)
    encoder = vecinal.FdeEncoder(DIM, **PAPERS_FDE)
    there = torch.as_tensor(documents, device=peers.DEVICE)
    np.testing.assert_array_equal(encoder.encode_documents(there[:AGREE]).cpu().numpy(),
                                  encoder.encode_documents(documents[:AGREE]),
                                  err_msg="encodings on the device and on the host differ")
    seconds, faults = interleaved({OURS: partial(encoder.encode_documents, there),
                                   "own CPU": partial(encoder.encode_documents, documents)},
                                  bench.sizes.repeats, bench.deadline)
    bench.missing.update(faults)
    ours = seconds.pop(OURS)
    bench.add(Line("G10", f"encode, {len(documents):,} sets of 80, (20, 5, 16), on the device",
                   ours, len(documents), ratios=ratios(ours, seconds),
                   floor=bench.read_floor(documents.nbytes + 4 * len(documents)
                                          * encoder.encoded_dim),
                   wanted=">= 2M sets a second, >= 30x own CPU", remark="sets a second"))
