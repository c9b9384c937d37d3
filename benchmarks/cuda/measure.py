"""Measures vecinal on a CUDA device, beside its peers and the ceilings of the card.

    python3 benchmarks/cuda/measure.py --ceilings ceilings.json --out build/cuda-bench
    VECINAL_CUDA_LIBRARY=.../libvecinal_cuda_emulated.so python3 benchmarks/cuda/measure.py --tiny

Writes results.json and report.md into --out after every part, and prints the report. Ends with 1 if
answers were wrong. run.sh builds, checks and then calls this; README.md says what is measured.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "peers"))

import datasets  # of benchmarks/peers
import environment

import bench as benches
import graphs
import multi
import peers
import scans
import sets
import table
import vecinal
from bench import Bench, log
from table import Line
from timing import Deadline

GRAPH_CORES = 8  # with fewer, what the host does for a graph of a million rows takes too long
STORED = ("fashion_mnist", "glove6b_100")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--tiny", action="store_true", help="hundreds of rows: for the emulation")
    parser.add_argument("--rows", type=int, help="of the sets made from a seed")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=420,
                        help="parts that have not begun by then are left out")
    parser.add_argument("--ceilings", type=Path, help="what ceilings.cu printed")
    parser.add_argument("--steps", type=Path, help="lines of step, result, seconds, remark (tabs)")
    parser.add_argument("--data", type=Path, default=os.environ.get("VECINAL_DATA"),
                        help="folder of stored sets (default: $VECINAL_DATA)")
    parser.add_argument("--out", type=Path, default=environment.REPOSITORY / "build/cuda-bench")
    return parser.parse_args()


def sizes_of(options: argparse.Namespace) -> benches.Sizes:
    sizes = benches.FULL if len(os.sched_getaffinity(0)) >= GRAPH_CORES else benches.FEW_CORES
    if options.quick:
        sizes = benches.QUICK
    if options.tiny:
        sizes = benches.TINY
    return replace(sizes, rows=options.rows) if options.rows else sizes


def known_mixture(bench: Bench, dim: int) -> tuple[datasets.Dataset, vecinal.Index]:
    """A set made from the seed with its truth, and the exact index that found it."""
    if dim not in bench.known:
        sizes = bench.sizes
        dataset = sets.mixture(sizes.rows, dim, sizes.queries)
        exact = sets.exact_index(dataset)
        bench.known[dim] = sets.with_truth(dataset, exact, sizes.known, bench.k), exact
    return bench.known[dim]


def small_graph(bench: Bench, options: argparse.Namespace) -> None:
    dataset, exact = known_mixture(bench, bench.sizes.small_dim)
    rivals = peers.made(peers.GRAPHS, bench.usable, dataset.base, bench.missing)
    sweep = graphs.sweep(bench, dataset, "lvq8x8", rivals)
    for recall in (0.95, 0.99):
        graphs.at_recall(bench, sweep, "G3", recall, ">= 1x flashlib, >= 1.5x cuVS")
    graphs.few_queries(bench, sweep)
    graphs.build_line(bench, sweep, "1M x 128 <= 2.0 s, 1M x 768 <= 5 s")
    graphs.filtered(bench, sweep, exact)
    graphs.stable(bench, sweep)
    graphs.followed(bench, sweep)
    fused = graphs.sweep(bench, dataset, "fused+lvq8x8", [])
    for recall in (0.95, 0.99):
        graphs.at_recall(bench, fused, "G3", recall, "> lvq8x8")
    graphs.few_queries(bench, fused)
    graphs.stable(bench, fused)
    graphs.followed(bench, fused)


def large_scan(bench: Bench, options: argparse.Namespace) -> None:
    dataset, exact = known_mixture(bench, bench.sizes.large_dim)
    indexes = {"f32": exact} | {encoding: sets.exact_index(dataset, encoding)
                                for encoding in scans.ENCODINGS}
    scans.few_queries(bench, dataset, indexes)
    scans.many_queries(bench, dataset, indexes)


def large_graph(bench: Bench, options: argparse.Namespace) -> None:
    dataset, _ = known_mixture(bench, bench.sizes.large_dim)
    rivals = list(peers.made(peers.HIGH_RECALL, bench.usable, dataset.base, bench.missing))
    # Reduced to a sixth of the dims, rows are ranked by others; LVQ4x8 ranks by what LVQ4 leaves.
    reduced = f"pca{bench.sizes.large_dim // 6}+lvq8"
    for rows in ("lvq4x8", reduced, f"fused+{reduced}"):
        sweep = graphs.sweep(bench, dataset, rows, [] if "fused" in rows else rivals)
        graphs.at_recall(bench, sweep, "G4", 0.95, ">= 2x cuVS, >= 1.5x flashlib")
        graphs.at_recall(bench, sweep, "G7", 0.99, ">= 1x the best peer")
        held = sweep.index.stats()["bytes_device"] / (2 * dataset.base.size)
        bench.add(Line("G4", f"device memory, {dataset.name}, {rows}",
                       wanted="<= 0.45x f16 rows", remark=f"{held:.2f}x f16 rows, links included"))
        seconds = bench.built[f"{dataset.name}, {rows}, cuda"]
        bench.add(Line("G6", f"build, {dataset.name}, {rows}", seconds, wanted="1M x 768 <= 5 s"))


def stored_sets(bench: Bench, options: argparse.Namespace) -> None:
    if options.data is None:
        bench.missing["stored sets"] = "no --data and no VECINAL_DATA"
        return
    for name in STORED:
        try:
            dataset = sets.stored(name, options.data, options.out / "data")
        except FileNotFoundError as fault:
            bench.missing[name] = str(fault)
            continue
        rivals = peers.made(peers.GRAPHS, bench.usable, dataset.base, bench.missing)
        sweep = graphs.sweep(bench, dataset, "lvq8x8", rivals)
        for recall in (0.95, 0.99):
            graphs.at_recall(bench, sweep, "G3", recall, "")


def token_sets(bench: Bench, options: argparse.Namespace) -> None:
    multi.ranked(bench)
    multi.encoded(bench)
    multi.added(bench)


PARTS: dict[str, Callable[[Bench, argparse.Namespace], None]] = {
    "small_graph": small_graph, "large_scan": large_scan, "token_sets": token_sets,
    "large_graph": large_graph, "stored_sets": stored_sets}


def document(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """The head of a result: what ran where and when."""
    host = environment.describe_machine()
    card = vecinal.show_config()["cuda"]
    driver = command("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    revision = command("git", "-C", str(environment.REPOSITORY), "describe", "--always",
                       "--dirty=+")
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    heading = [now, f"driver {driver or 'unknown'}",
               f"CUDA {bench.ceilings.get('cuda_runtime', 'unknown')}",
               f"vecinal {vecinal.__version__} ({revision or 'no revision'})",
               environment.machine_line(host), bench.sizes.name, f"k = {bench.k}",
               *(f"{name} {version}" for name, version in bench.usable.items())]
    text = ", ".join(heading) + (
        ".\n\nTimes are wall-clock times of whole calls, medians of interleaved rounds. Ours begin"
        " and end in host memory; those of peers begin and end on the device.")
    if options.tiny or card == "emulation":
        text = f"**A dry run: none of these figures is one of speed.**\n\n{text}"
    steps = options.steps.read_text().splitlines() if options.steps else []
    return {"card": card, "driver": driver, "date": now, "heading": text, "host": host,
            "revision": revision, "versions": dict(bench.usable),
            "sizes": vars(bench.sizes), "built_seconds": bench.built,
            "steps": [line.split("\t") for line in steps], "ceilings": dict(bench.ceilings),
            "missing": bench.missing}


def command(*words: str) -> str:
    """The first line that a program prints, '' if there is none."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()


def write(bench: Bench, options: argparse.Namespace) -> str:
    """Writes what there is so far; returns the page."""
    head = document(bench, options)
    environment.write_json(options.out / "results.json", table.as_json(head, bench.lines))
    page = table.page(head, bench.lines)
    (options.out / "report.md").write_text(page)
    return page


def measure(bench: Bench, options: argparse.Namespace) -> int:
    """Runs the parts; returns how many failed."""
    failed = 0
    for name in options.parts:
        log(f"{name}: {bench.deadline.left():.0f} s left")
        if bench.deadline.left() <= 0:
            bench.missing[name] = "no time was left"
            continue
        try:
            PARTS[name](bench, options)
        except Exception as fault:  # the other parts are still worth having
            failed += 1
            traceback.print_exc()
            bench.missing[name] = f"FAILED: {type(fault).__name__}: {fault}"
        write(bench, options)
    return failed


def main() -> None:
    options = parse()
    try:
        vecinal.Index(4, device="cuda")
    except vecinal.CudaError as fault:
        sys.exit(f"measure: {fault}")
    ceilings = json.loads(options.ceilings.read_text()) if options.ceilings else {}
    usable, missing = peers.versions()
    bench = Bench(10, sizes_of(options), Deadline(options.seconds), ceilings, usable, missing)
    options.out.mkdir(parents=True, exist_ok=True)
    failed = measure(bench, options)
    print(write(bench, options))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
