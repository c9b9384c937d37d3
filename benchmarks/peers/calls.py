"""What a call from Python costs: one query a call beside a batch, vecinal beside SymphonyQG.

    VENV/bin/python benchmarks/peers/calls.py

On 2,000 random vectors, which the cache holds, so that little but the call is left. Microseconds of
processor time a query, medians of interleaved rounds. Needs vecinal and rabitqlib in the
environment; `run.py --batch 1` measures the same on real sets, where searching counts too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import rabitqlib
import vecinal

K = 10
EFFORT = 10  # beam, and ef of SymphonyQG


def microseconds(call: Callable[[], object], queries: int) -> float:
    start = time.process_time()
    call()
    return (time.process_time() - start) / queries * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()

    draw = np.random.default_rng(0)
    rows = draw.standard_normal((2000, options.dim)).astype(np.float32)
    queries = draw.standard_normal((500, options.dim)).astype(np.float32)
    index = vecinal.Index(options.dim, encoding="lvq8", layout="fused", threads=1)
    index.add(rows)
    single = vecinal.Index(options.dim, encoding="lvq8", layout="fused", threads=1)
    single.add(rows[:1])
    symqg = rabitqlib.SymqgIndex(options.dim, 32, "l2", 0)
    symqg.build(rows, 200, 1)

    calls: dict[str, Callable[[], object]] = {
        "vecinal, an index of one vector": lambda: [single.search(q, k=1) for q in queries],
        "vecinal, one query a call": lambda: [index.search(q, k=K, beam=EFFORT) for q in queries],
        "vecinal, all in one call": lambda: index.search(queries, k=K, beam=EFFORT),
        "symqg, one query a call": lambda: [symqg.search(q[None], K, EFFORT, 1) for q in queries],
        "symqg, all in one call": lambda: symqg.search(queries, K, EFFORT, 1),
    }
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(options.rounds):
        for name, call in calls.items():
            taken[name].append(microseconds(call, len(queries)))
    for name, values in taken.items():
        print(f"{name:34} {statistics.median(values):6.1f}")


if __name__ == "__main__":
    main()
