"""Measures fit_queries beside peers on queries unlike the items: recall, queries a second.

    python3 benchmarks/ood/run.py FOLDER --venv DIR [--no-install] [--engines NAME ...] [--json FILE]

FOLDER is one of pairs.py. Every engine is built once over the items; those named "...+fit" are then
fitted with the training queries. All are swept over their efforts in turn, round by round, and the
median of each counts. The rate at a recall is read off the front of (recall, rate). "inside": recall
of queries of the items' own kind, at the effort that gives recall .95 outside.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import environment

if __name__ == "__main__":
    environment.enter()  # what follows needs the packages of the environment

import engines
import numpy as np
import pareto

K = 10
TARGETS = (0.90, 0.95, 0.99)
MIN_SECONDS = 0.3


class Fitted:
    """vecinal of the fused layout, before or after fit_queries."""

    def __init__(self, train: np.ndarray, fit: bool, **config: object) -> None:
        self._train, self._fit, self._config = train, fit, config

    def build(self, base: np.ndarray, metric: str, threads: int) -> None:
        import vecinal
        self.index = vecinal.Index(dim=base.shape[1], metric=metric, layout="fused", degree=32,
                                   build_beam=200, threads=threads, **self._config)
        self.index.train(base, self._train)
        self.index.add(base)
        if self._fit:
            start = time.perf_counter()
            done = self.index.fit_queries(self._train)
            print(f"fit_queries: {done}, {time.perf_counter() - start:.1f} s", file=sys.stderr)

    def settings(self) -> Sequence[int]:
        return (4, 6, 8, *engines.EF_SWEEP)

    def search(self, queries: np.ndarray, k: int, setting: int, threads: int) -> np.ndarray:
        return self.index.search(queries, k=k, beam=setting, threads=threads)[0]


def registry(train: np.ndarray) -> dict[str, Callable[[], engines.Engine]]:
    made: dict[str, Callable[[], engines.Engine]] = {
        name: entry.make for name, entry in engines.ENGINES.items() if entry.package != "vecinal"
    }
    kinds = {"fused": {"encoding": "lvq8"}, "fused8x8": {"encoding": "lvq8x8"},
             "fused-ood": {"encoding": "lvq8", "reduce": "leanvec_ood"}}
    for name, config in kinds.items():
        for fit in (False, True):
            made[name + ("+fit" if fit else "")] = (
                lambda fit=fit, config=config: Fitted(train, fit, **config))
    return made


@dataclass
class Measured:
    """One engine: by effort the recalls, and the rates of all rounds."""

    engine: engines.Engine
    build_seconds: float = 0
    recalls: dict[int, float] = field(default_factory=dict)
    inside: dict[int, float] = field(default_factory=dict)
    rates: dict[int, list[float]] = field(default_factory=dict)

    def front(self) -> list[pareto.Point]:
        return pareto.front([(self.recalls[effort], statistics.median(rates))
                             for effort, rates in self.rates.items()])

    def effort_at(self, recall: float) -> int | None:
        return next((effort for effort, found in self.recalls.items() if found >= recall), None)


def recall_of(ids: np.ndarray, truth: np.ndarray) -> float:
    hits = (np.asarray(ids)[:, :K, None] == truth[:, None, :K]).any(axis=2)
    return float(hits.sum() / (len(truth) * K))


def rate(engine: engines.Engine, queries: np.ndarray, effort: int) -> float:
    """Queries a second of processor time, which others on the machine disturb least."""
    passes, start = 0, time.process_time()
    while (spent := time.process_time() - start) < MIN_SECONDS:
        engine.search(queries, K, effort, 1)
        passes += 1
    return passes * len(queries) / spent


def sweep(measured: dict[str, Measured], parts: dict[str, np.ndarray], rounds: int) -> None:
    for one in measured.values():
        for effort in one.engine.settings():
            one.recalls[effort] = recall_of(one.engine.search(parts["queries"], K, effort, 1),
                                            parts["gt"])
            one.inside[effort] = recall_of(one.engine.search(parts["inside_queries"], K, effort, 1),
                                           parts["inside_gt"])
            one.rates[effort] = []
            if one.recalls[effort] > 0.995:
                break
    for _ in range(rounds):
        for one in measured.values():
            for effort, rates in one.rates.items():
                rates.append(rate(one.engine, parts["queries"], effort))


def rows(measured: dict[str, Measured]) -> list[str]:
    lines = ["| engine | .90 | .95 | .99 | effort at .95 | inside then | build s |",
             "|---|---|---|---|---|---|---|"]
    for name, one in measured.items():
        cells = [pareto.rate_at(one.front(), target) for target in TARGETS]
        effort = one.effort_at(0.95)
        inside = "-" if effort is None else f"{one.inside[effort]:.4f}"
        texts = ["-" if cell is None else f"{cell / 1000:.1f}k" for cell in cells]
        lines.append(f"| {name} | {' | '.join(texts)} | {effort} | {inside} "
                     f"| {one.build_seconds:.0f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    environment.add_venv_argument(parser)
    environment.add_install_arguments(parser)
    parser.add_argument("--engines", nargs="+",
                        default=["hnswlib", "faiss-hnsw", "symqg", "symqg-8bit", "fused",
                                 "fused+fit", "fused-ood", "fused-ood+fit"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.no_install:
        environment.install_peers(options.venv, ["hnswlib", "faiss-cpu", "rabitqlib"])
        environment.install_vecinal(options.venv, options.vecinal_wheel)
    parts = {part: np.load(options.folder / f"{part}.npy")
             for part in ("base", "queries", "gt", "train", "inside_queries", "inside_gt")}
    makers = registry(parts["train"])
    measured: dict[str, Measured] = {}
    for name in options.engines:
        one = Measured(makers[name]())
        start = time.perf_counter()
        one.engine.build(parts["base"], "cosine", 2)
        one.build_seconds = time.perf_counter() - start
        measured[name] = one
        print(f"{name}: built in {one.build_seconds:.0f} s", file=sys.stderr, flush=True)
    sweep(measured, parts, options.rounds)
    print("\n".join(rows(measured)))
    if options.json:
        environment.write_json(options.json, {
            "host": environment.describe_machine(), "revision": environment.revision(),
            "set": options.folder.name,
            "engines": {name: {"recalls": one.recalls, "inside": one.inside, "rates": one.rates}
                        for name, one in measured.items()}})


if __name__ == "__main__":
    main()
