"""Items that come and go, beside hnswlib: adds in batches, turnovers, and searches beside a writer.

    python benchmarks/living/run.py FOLDER [--size 20000] [--repeats 3]

FOLDER holds base.npy and queries.npy. Needs vecinal and hnswlib. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import hnswlib
import numpy as np
import vecinal

BEAM, BUILD_BEAM, M, K = 64, 200, 16, 10


class Vecinal:
    """An index of vecinal, as the measurements use it."""

    name = "vecinal"

    def __init__(self, dim: int, size: int, rows: dict[str, str]) -> None:
        self.index = vecinal.Index(
            dim=dim, metric="cosine", degree=2 * M, build_beam=BUILD_BEAM, **rows
        )

    def add(self, rows: np.ndarray, ids: np.ndarray) -> None:
        self.index.add(rows, ids)

    def remove(self, ids: np.ndarray) -> None:
        self.index.remove(ids)

    def search(self, queries: np.ndarray, threads: int = 0) -> np.ndarray:
        return self.index.search(queries, k=K, beam=BEAM, threads=threads).ids


class Hnswlib:
    """hnswlib with replace_deleted, on all cores."""

    name = "hnswlib"

    def __init__(self, dim: int, size: int, rows: dict[str, str]) -> None:
        self.index = hnswlib.Index(space="cosine", dim=dim)
        self.index.init_index(
            max_elements=size, M=M, ef_construction=BUILD_BEAM, allow_replace_deleted=True
        )
        self.index.set_ef(BEAM)

    def add(self, rows: np.ndarray, ids: np.ndarray) -> None:
        self.index.add_items(rows, ids, replace_deleted=True)

    def remove(self, ids: np.ndarray) -> None:
        for id in ids:
            self.index.mark_deleted(int(id))

    def search(self, queries: np.ndarray, threads: int = 0) -> np.ndarray:
        return self.index.knn_query(queries, k=K, num_threads=threads or -1)[0]


def recall(engine: Vecinal | Hnswlib, queries: np.ndarray, rows: np.ndarray, ids: np.ndarray) -> float:
    """Share of the true nearest among `rows`, which are what the index holds."""
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    truth = ids[np.argpartition(-(queries @ rows.T), K, axis=1)[:, :K]]
    found = engine.search(queries)
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(truth.tolist(), found.tolist())]))


def timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def growth(engine, base: np.ndarray, queries: np.ndarray, size: int) -> tuple[float, float]:
    """(items added a second, recall at the end), in batches of a hundredth."""
    step, seconds = size // 100, 0.0
    for first in range(0, size, step):
        ids = np.arange(first, first + step)
        seconds += timed(lambda: engine.add(base[ids % len(base)], ids))
    return size / seconds, recall(engine, queries, base[:size], np.arange(size))


def turnover(engine, base: np.ndarray, queries: np.ndarray, size: int) -> tuple[float, float]:
    """(items removed and added a second, recall at the end), all items once, in tenths."""
    step, seconds = size // 10, 0.0
    for first in range(0, size, step):
        old, new = np.arange(first, first + step), np.arange(first + size, first + size + step)
        seconds += timed(lambda: engine.remove(old))
        seconds += timed(lambda: engine.add(base[new % len(base)], new))
    ids = np.arange(size, 2 * size)
    return size / seconds, recall(engine, queries, base[ids % len(base)], ids)


def latencies(engine, queries: np.ndarray, seconds: float) -> list[float]:
    """Seconds of searches for one query, one after the other on one thread."""
    taken, end, i = [], time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        taken.append(timed(lambda: engine.search(queries[i % len(queries)][None], threads=1)))
        i += 1
    return taken


def mixed(engine: Vecinal, base: np.ndarray, queries: np.ndarray, size: int, seconds: float):
    """(searches a second alone, beside a writer, 99th percentile over median alone, beside)."""
    with tempfile.TemporaryDirectory() as folder:
        engine.index.save(f"{folder}/index")
        engine.index = vecinal.load(f"{folder}/index", threads=1)  # the writer takes one core
    alone = latencies(engine, queries, seconds)
    stop = threading.Event()

    def write() -> None:
        first = size
        while not stop.is_set():
            old, new = np.arange(first, first + 10), np.arange(first + size, first + size + 10)
            engine.remove(old)
            engine.add(base[new % len(base)], new)
            first += 10

    writer = threading.Thread(target=write)
    writer.start()
    beside = latencies(engine, queries, seconds)
    stop.set()
    writer.join()
    tails = (float(np.percentile(taken, 99) / np.median(taken)) for taken in (alone, beside))
    return len(alone) / seconds, len(beside) / seconds, *tails


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--encoding", default="lvq8")
    parser.add_argument("--keep", default="none")
    parser.add_argument("--layout", default="split")
    options = parser.parse_args()
    rows = {"encoding": options.encoding, "keep": options.keep, "layout": options.layout}
    base = np.load(options.folder / "base.npy").astype(np.float32)
    queries = np.load(options.folder / "queries.npy").astype(np.float32)[:1000]
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    results: dict[str, list[tuple[float, ...]]] = {"vecinal": [], "hnswlib": []}
    searches = []
    for _ in range(options.repeats):
        for kind in (Vecinal, Hnswlib):
            engine = kind(base.shape[1], options.size, rows)
            added, fresh = growth(engine, base, queries, options.size)
            cycled, kept = turnover(engine, base, queries, options.size)
            results[kind.name].append((added, fresh, cycled, kept))
            if kind is Vecinal:
                searches.append(mixed(engine, base, queries, options.size, options.seconds))
    print("| | added/s | recall | removed and added/s | recall |\n|---|---|---|---|---|")
    for name, measured in results.items():
        added, fresh, cycled, kept = (statistics.median(column) for column in zip(*measured))
        print(f"| {name} | {added:,.0f} | {fresh:.4f} | {cycled:,.0f} | {kept:.4f} |")
    alone, beside, tail_alone, tail_beside = (statistics.median(column) for column in zip(*searches))
    print(
        f"\nvecinal, one query at a time: {alone:,.0f}/s alone, {beside:,.0f}/s beside a writer "
        f"({beside / alone:.0%}); 99th percentile {tail_alone:.1f} and {tail_beside:.1f} times the median"
    )


if __name__ == "__main__":
    main()
