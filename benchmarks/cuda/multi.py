"""Sets of vectors: MaxSim of queries with all sets (G9), and the encoding of sets (G10)."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import vecinal

import scans
from bench import Bench
from table import Line, ratios
from timing import interleaved

DIM = 128
RANKED = ("f16", "lvq8")  # how the vectors of sets are kept
SMALL_FDE = {"repetitions": 2, "k_sim": 2, "projected_dim": 8}  # where encodings are not the point
PAPERS_FDE = {"repetitions": 20, "k_sim": 5, "projected_dim": 16}
AGREE = 8  # queries whose answers are compared with the host's


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
    for tokens in RANKED:
        index = index_of(documents, SMALL_FDE, "cuda", tokens)
        check_answers(index, queries[:AGREE], bench.k)
        search = scans.in_turn(partial(index.search, k=bench.k, exact=True), queries, 1)
        seconds, _ = interleaved({tokens: search}, sizes.repeats, bench.deadline)
        held = documents.size * (2 if tokens == "f16" else 1)
        bench.add(Line("G9", f"MaxSim, {sizes.sets:,} x {sizes.set_vectors} x {DIM}, {tokens}, 32"
                       " vectors a query", seconds[tokens], floor=bench.read_floor(held),
                       wanted="10k x 300: f16 <= 0.30 ms"))


def check_answers(index: vecinal.Index, queries: np.ndarray, k: int) -> None:
    """Raises if the host, asked the same, finds sets of other distances."""
    there = index.search(queries, k=k, exact=True)
    here = vecinal.load(bytes(index)).search(queries, k=k, exact=True)
    np.testing.assert_allclose(there.distances, here.distances, rtol=1e-4,
                               err_msg="MaxSim on the device and on the host differ")


def encoded(bench: Bench) -> None:
    """G10, as far as an index shows it: sets added, which encodes and keeps them."""
    documents = token_sets(bench.sizes.sets, 80, 7)
    seconds = {}
    for device in ("cuda", "cpu"):
        index_of(documents[:64], PAPERS_FDE, device)  # warms up
        start = time.perf_counter()
        index_of(documents, PAPERS_FDE, device)
        seconds[device] = time.perf_counter() - start
    bench.add(Line("G10", f"add, {len(documents):,} sets of 80, (20, 5, 16)", seconds["cuda"],
                   len(documents), ratios=ratios(seconds["cuda"], {"own CPU": seconds["cpu"]}),
                   wanted=">= 2M sets a second, >= 30x own CPU",
                   remark="sets a second; encoding, training and keeping together"))
