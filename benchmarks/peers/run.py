"""Measures vecinal beside its peers: recall, queries a second, build time, memory.

    python3 benchmarks/peers/run.py --data DIR --sets glove6b_100 fashion_mnist --out results.json

Makes a virtual environment and installs the peers from PyPI on first use. See README.md for what
is measured; report.py turns the result into plots and tables.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environment

if __name__ == "__main__":
    environment.enter()  # what follows needs the packages of the environment

import datasets
import engines
import harness


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    environment.add_venv_argument(parser)
    environment.add_data_arguments(parser)
    environment.add_install_arguments(parser)
    parser.add_argument("--out", type=Path, default=environment.WORK / "results.json")
    parser.add_argument("--engines", nargs="+", choices=sorted(engines.ENGINES), metavar="NAME",
                        default=list(engines.ENGINES), help=", ".join(engines.ENGINES))
    parser.add_argument("--threads", nargs="+", type=int, default=[1], help="of the searches")
    parser.add_argument("--build-threads", type=int, default=2)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5, help="rounds; medians are reported")
    parser.add_argument("--seconds", type=float, default=0.3,
                        help="least processor time of a measurement")
    parser.add_argument("--stride", type=int, default=1, help="take every n-th setting only")
    parser.add_argument("--batch", type=int, default=0,
                        help="queries a call; 0: all, where queries may wait for each other")
    parser.add_argument("--limit", type=int, default=0, help="queries used; 0: all")
    parser.add_argument("--prepare-only", action="store_true", help="make the .npy folders, stop")
    return parser.parse_args()


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def usable_engines(names: Sequence[str], registry: dict[str, engines.Entry],
                   options: argparse.Namespace) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Installs what the named engines need.

    Returns:
        the engines that can be tried, {engine: why not} of the others, {package: version}.
    """
    packages = sorted({registry[name].package for name in names})
    faults = {}
    if not options.no_install:
        peers = [package for package in packages if package != "vecinal"]
        faults = environment.install_peers(options.venv, peers)
        if "vecinal" in packages:
            faults["vecinal"] = environment.install_vecinal(options.venv, options.vecinal_wheel)
    versions = {package: environment.version_of(options.venv, package) for package in packages}
    skipped = {}
    for name in names:
        package = registry[name].package
        reason = faults.get(package) or ("" if versions[package] else "not installed")
        if reason:
            skipped[name] = reason
            log(f"{name}: SKIPPED: {reason}")
    return [name for name in names if name not in skipped], skipped, versions


def document(options: argparse.Namespace, skipped: dict[str, str],
             versions: dict[str, str]) -> dict[str, Any]:
    """The head of a result file; sets are added as they are measured."""
    return {"host": environment.describe_machine(), "revision": environment.revision(),
            "versions": versions, "load_average": os.getloadavg()[0],
            "options": {"k": options.k, "threads": options.threads,
                        "build_threads": options.build_threads, "repeats": options.repeats},
            "skipped": skipped, "sets": {}}


def main() -> None:
    options = parse()
    folders = [datasets.prepare(name, options.data, options.made, options.cache)
               for name in options.sets]
    if options.prepare_only:
        for folder in folders:
            print(folder)
        return
    names, skipped, versions = usable_engines(options.engines, engines.ENGINES, options)
    results = document(options, skipped, versions)
    plan = harness.Plan(k=options.k, threads=options.threads, build_threads=options.build_threads,
                        repeats=options.repeats, seconds=options.seconds, stride=options.stride,
                        batch=options.batch, limit=options.limit)
    for folder in folders:
        dataset = datasets.load(folder)
        log(f"{dataset.name}: {dataset.base.shape}, {dataset.metric}")
        measured = harness.measure(dataset, names, options.venv, plan, log)
        results["sets"][dataset.name] = {
            "rows": len(dataset.base), "dim": dataset.base.shape[1], "metric": dataset.metric,
            "queries": len(dataset.queries), **measured}
        environment.write_json(options.out, results)
    log(f"wrote {options.out}")


if __name__ == "__main__":
    main()
