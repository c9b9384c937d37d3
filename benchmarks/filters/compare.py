"""Queries a second with filters, at a recall of ten: vecinal, hnswlib's callback, faiss' selector.

    python benchmarks/filters/compare.py CACHE/muge_cnclip512 CACHE/wordnet_minilm384

Needs numpy, hnswlib, faiss-cpu and vecinal, and folders as benchmarks/peers prepares them. Each
engine takes the least effort that reaches the recall, or the greatest that is worth its time; then
all are timed in interleaved rounds on one thread, by the processor's time, which other programs
disturb less, and medians are printed as a Markdown table.
hnswlib asks a Python function for every node, so it gets a tenth of the queries.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import engines
import numpy as np
from filters import KINDS, Case, make_case, recall

K = 10
LONGEST = 4.0  # seconds a trial may take; efforts beyond are not tried
SHORTEST = 0.2  # seconds a timing takes at least


def settle(engine, base: np.ndarray, case: Case, metric: str, target: float) -> tuple:
    """(effort, recall): the least effort that reaches the target."""
    best = (0, 0.0)
    engine.prepare(case.mask)
    for effort in engines.EFFORTS:
        begin = time.process_time()
        found = engine.search(case.queries, K, effort)
        seconds = time.process_time() - begin
        reached = recall(found, base, case, metric)
        if reached > best[1] or best[0] == 0:
            best = (effort, reached)
        if reached >= target or seconds > LONGEST:
            break
    return best


def fewer(case: Case, count: int) -> Case:
    return Case(case.share, case.kind, case.mask, case.queries[:count], case.truth[:count])


def measure(made: dict, base: np.ndarray, case: Case, metric: str, args) -> dict:
    """{engine: (QPS, recall, effort, plan)}"""
    cases = {name: fewer(case, max(20, len(case.queries) // 10)) if name == "hnswlib" else case
             for name in made}
    settled = {name: settle(engine, base, cases[name], metric, args.recall)
               for name, engine in made.items()}
    seconds: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(args.rounds):
        for name, engine in made.items():
            begin = time.process_time()
            calls = 0
            while calls == 0 or time.process_time() - begin < SHORTEST:
                engine.search(cases[name].queries, K, settled[name][0])
                calls += 1
            seconds[name].append((time.process_time() - begin) / calls)
    return {name: (len(cases[name].queries) / statistics.median(seconds[name]),
                   settled[name][1], settled[name][0], made[name].plan) for name in made}


def run(folder: Path, args) -> None:
    base, queries = (np.load(folder / f"{part}.npy") for part in ("base", "queries"))
    metric = json.loads((folder / "meta.json").read_text())["metric"]
    fused = {"encoding": "lvq8x8", "layout": "fused", "threads": args.threads}
    made = {
        "vecinal": engines.Vecinal(base, metric, **fused),
        "hnswlib": engines.Hnswlib(base, metric, args.threads),
        "faiss": engines.Faiss(base, metric, args.threads),
    }
    single = engines.OneByOne.__new__(engines.OneByOne)
    single.index, single.plan = made["vecinal"].index, ""
    made["vecinal one by one"] = single
    print(f"\n{folder.name}: {len(base):,} x {base.shape[1]}\n")
    print("| allowed | | vecinal | one by one | hnswlib | faiss | x hnswlib | x faiss |")
    print("|---|---|---|---|---|---|---|---|")
    for share in args.shares:
        for kind in KINDS:
            case = make_case(base, queries, metric, share, kind, args.queries, K)
            got = measure(made, base, case, metric, args)
            ours, hnsw, faiss = (got[name] for name in ("vecinal", "hnswlib", "faiss"))
            cells = [f"{rate:,.0f} at {found:.3f} ({plan})" for rate, found, _, plan in
                     (ours, got["vecinal one by one"])]
            cells += [f"{rate:,.0f} at {found:.3f} (ef {effort})"
                      for rate, found, effort, _ in (hnsw, faiss)]
            ratios = f"{ours[0] / hnsw[0]:,.0f} | {ours[0] / faiss[0]:,.1f}"
            print(f"| {share:.1%} | {kind} | {' | '.join(cells)} | {ratios} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.1, 0.01, 0.001])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="for building")
    args = parser.parse_args()
    for folder in args.folders:
        run(folder, args)


if __name__ == "__main__":
    main()
