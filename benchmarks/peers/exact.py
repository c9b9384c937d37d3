"""Exact search: vecinal without a graph beside faiss IndexFlat, queries a second.

    python3 benchmarks/peers/exact.py --data DIR --sets glove6b_100

Each engine answers the queries in one call of 1,000 (where faiss uses a matrix product) and one
query a call (where it does not), with one thread and with two, interleaved; medians are printed as
a Markdown table and kept in the result file.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import environment

if __name__ == "__main__":
    environment.enter()  # what follows needs the packages of the environment

import datasets
import engines
import harness
import run

CALLS = {1000: 1000, 1: 100}  # queries a call: queries used


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    environment.add_venv_argument(parser)
    environment.add_data_arguments(parser)
    environment.add_install_arguments(parser)
    parser.add_argument("--out", type=Path, default=environment.WORK / "exact.json")
    parser.add_argument("--engines", nargs="+", choices=sorted(engines.EXACT_ENGINES),
                        metavar="NAME", default=list(engines.EXACT_ENGINES),
                        help=", ".join(engines.EXACT_ENGINES))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--build-threads", type=int, default=2)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=7, help="rounds; medians are reported")
    parser.add_argument("--seconds", type=float, default=0.5,
                        help="least processor time of a measurement")
    return parser.parse_args()


def table(sets: dict[str, Any], names: list[str]) -> str:
    """Markdown: a row for each set, number of queries a call and number of threads."""
    lines = ["| set | queries a call | threads | " + " | ".join(names) + " |",
             "| --- | ---: | ---: |" + " ---: |" * len(names)]
    for set_name, calls in sets.items():
        for batch, measured in calls.items():
            rates: dict[int, dict[str, str]] = {}
            for name, result in measured["engines"].items():
                for point in result["points"]:
                    text = f"{point['qps']:,.0f}"
                    if point["recall"] < 0.999:  # exact means exact, up to ties in float32
                        text += f" (recall {point['recall']:.4f})"
                    rates.setdefault(point["threads"], {})[name] = text
            for threads, row in sorted(rates.items()):
                cells = " | ".join(row.get(name, "-") for name in names)
                lines.append(f"| {set_name} | {batch} | {threads} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    options = parse()
    names, skipped, versions = run.usable_engines(options.engines, engines.EXACT_ENGINES, options)
    results = run.document(options, skipped, versions)
    for set_name in options.sets:
        dataset = datasets.load(
            datasets.prepare(set_name, options.data, options.made, options.cache))
        run.log(f"{dataset.name}: {dataset.base.shape}, {dataset.metric}")
        results["sets"][dataset.name] = {}
        for batch, limit in CALLS.items():
            plan = harness.Plan(
                k=options.k, threads=options.threads, build_threads=options.build_threads,
                repeats=options.repeats, seconds=options.seconds, batch=batch, limit=limit)
            measured = harness.measure(dataset, names, options.venv, plan, run.log)
            results["sets"][dataset.name][str(batch)] = measured
        environment.write_json(options.out, results)
    print(table(results["sets"], names))


if __name__ == "__main__":
    main()
