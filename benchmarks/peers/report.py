"""Turns the result of run.py into a plot a set and a Markdown page of tables.

    python3 benchmarks/peers/report.py results.json --out-dir DIR
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import environment

if __name__ == "__main__":
    environment.enter()  # what follows needs the packages of the environment

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import pareto

TARGETS = (0.90, 0.95, 0.99)
REFERENCE = "hnswlib"
OURS = "vecinal"
LEAST_RECALL, MOST_RECALL = 0.80, 0.9995  # of the plots; beyond, points sit on the right edge
RECALL_TICKS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
RATE_STEPS = (1, 1.5, 2, 3, 5, 7)
LEGEND_INSIDE = 10  # engines; the legend of more would hide their lines
STYLES = {  # colour, marker
    "vecinal": ("#c1121f", "o"), "vecinal-f16": ("#f08a5d", "o"),
    "vecinal-lvq8": ("#e07a1f", "o"), "vecinal-lvq4x8": ("#b5651d", "o"),
    "vecinal-lvq4x8-48": ("#6f4e37", "o"), "vecinal-lvq4x8-48-refined": ("#3e2723", "P"),
    "vecinal-lvq8-48-refined": ("#c75b12", "P"),
    "vecinal-pca8": ("#d4a017", "o"), "vecinal-pca4x8": ("#a8861b", "P"),
    "vecinal-fused": ("#c1121f", "*"),
    "vecinal-fused-refined": ("#ff6b6b", "*"), "vecinal-fused-gamma-refined": ("#3d0009", "*"),
    "vecinal-fused-gamma": ("#7a0012", "*"), "vecinal-fused-pca": ("#e75480", "*"),
    "hnswlib": ("#1d3557", "s"), "faiss-hnsw": ("#2a9d8f", "^"), "usearch": ("#8d6a9f", "D"),
    "voyager": ("#7f7f7f", "v"), "deglib": ("#b08900", "P"), "symqg": ("#0077b6", "X"),
    "symqg-8bit": ("#48cae4", "X"), "svs-vamana": ("#55731f", "<"), "svs-lvq8": ("#9ac23c", "<"),
    "svs-lvq4x8": ("#7a9a2b", "3"), "svs-leanvec8x8": ("#b8d977", "4"),
}

Fronts = dict[str, list[pareto.Point]]


def fronts(measured: Mapping[str, Any], threads: int, figure: str) -> Fronts:
    """The front of every engine of a set; figure is "qps" or "cpu_qps"."""
    found: Fronts = {}
    for name, result in measured["engines"].items():
        points = [(point["recall"], point[figure]) for point in result["points"]
                  if point["threads"] == threads]
        if points:
            found[name] = pareto.front(points)
    return found


def plot(title: str, note: str, k: int, lines: Fronts, file: Path) -> None:
    """Recall (towards 1, logarithmic in what is missing) against the logarithm of the rate."""
    figure, axes = plt.subplots(figsize=(8.4, 5.4), dpi=150)
    by_height = sorted(lines, key=lambda name: -(pareto.rate_at(lines[name], 0.95) or 0))
    for name in by_height:
        shown = [(min(recall, MOST_RECALL), rate) for recall, rate in lines[name]
                 if recall >= LEAST_RECALL]
        if not shown:
            continue
        colour, marker = STYLES.get(name, ("black", "."))
        ours = name.startswith(OURS)
        axes.plot(*zip(*shown), label=name, color=colour, marker=marker,
                  markersize=5.5 if ours else 4.5, linewidth=2.6 if ours else 1.4,
                  zorder=3 if ours else 2)
    _format_axes(axes)
    axes.set_xlabel(f"recall@{k} (ties count)")
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    figure.text(0.01, 0.008, note, fontsize=6.5, color="#666666")
    beside = len(lines) > LEGEND_INSIDE
    axes.legend(frameon=False, fontsize=7.5 if beside else 8.5, loc="lower left",
                bbox_to_anchor=(1, 0) if beside else None)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(file)
    plt.close(figure)


def _format_axes(axes: plt.Axes) -> None:
    axes.set_xscale("function", functions=(lambda x: -_log10(1 - x), lambda y: 1 - 10.0 ** -y))
    axes.set_xlim(LEAST_RECALL, MOST_RECALL + 0.00008)
    axes.set_xticks(RECALL_TICKS, [f"{tick:g}" for tick in RECALL_TICKS])
    axes.minorticks_off()
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    ticks = [step * 10.0**power for power in range(1, 7) for step in RATE_STEPS
             if low <= step * 10.0**power <= high]
    axes.set_yticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylabel("queries a second (log)")


def _log10(values: Any) -> Any:
    import numpy as np
    return np.log10(np.maximum(values, 1e-6))


def engine_table(measured: Mapping[str, Any], lines: Fronts) -> str:
    """Markdown: rates at the target recalls (times hnswlib's), build time and memory."""
    raw = 4 * measured["dim"]
    rows = [["engine", *(f"QPS at {target:.2f}" for target in TARGETS), "build s", "build CPU s",
             "bytes a vector", "times raw"]]
    for name, result in measured["engines"].items():
        cells = [_rate_cell(lines.get(name, []), lines.get(REFERENCE, []), target)
                 for target in TARGETS]
        held = result["bytes_per_vector"]
        rows.append([name, *cells, f"{result['build_seconds']:.1f}",
                     f"{result['build_cpu_seconds']:.1f}", f"{held:,.0f}", f"{held / raw:.2f}"])
    return markdown(rows)


def summary_table(sets: Mapping[str, Any], all_lines: Mapping[str, Fronts]) -> str:
    """Markdown: vecinal's rate as a multiple of hnswlib's and of the fastest peer's."""
    rows = [["set", *(f"/ {REFERENCE} at {target:.2f}" for target in TARGETS),
             *(f"/ best peer at {target:.2f}" for target in TARGETS)]]
    for set_name in sets:
        lines = all_lines[set_name]
        ours = lines.get(OURS, [])
        rows.append([set_name, *(_ratio_cell(ours, lines.get(REFERENCE, []), target)
                                 for target in TARGETS),
                     *(_best_cell(ours, lines, target) for target in TARGETS)])
    return markdown(rows)


def _rate_cell(line: list[pareto.Point], reference: list[pareto.Point], target: float) -> str:
    rate = pareto.rate_at(line, target)
    if rate is None:
        return "-"
    base = pareto.rate_at(reference, target)
    floor = "*" if target < line[0][0] else ""
    return f"{rate:,.0f}{floor}" + (f" ({rate / base:.2f}x)" if base else "")


def _ratio_cell(ours: list[pareto.Point], theirs: list[pareto.Point], target: float) -> str:
    mine, base = pareto.rate_at(ours, target), pareto.rate_at(theirs, target)
    return f"{mine / base:.2f}" if mine and base else "-"


def _best_cell(ours: list[pareto.Point], lines: Fronts, target: float) -> str:
    peers = {name: pareto.rate_at(line, target) or 0.0 for name, line in lines.items()
             if not name.startswith(OURS)}
    best = max(peers, key=lambda name: peers[name], default="")
    mine = pareto.rate_at(ours, target)
    return f"{mine / peers[best]:.2f} ({best})" if mine and best and peers[best] else "-"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is left-aligned, the others right-aligned."""
    rule = ["---"] + ["---:"] * (len(rows[0]) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], rule, *rows[1:]])


def page(results: Mapping[str, Any], all_lines: Mapping[str, Fronts], options: argparse.Namespace,
         note: str) -> str:
    """The whole Markdown page."""
    k = results["options"]["k"]
    clock = "processor time" if options.clock == "cpu" else "wall time"
    parts = ["# vecinal and its peers", "", f"{note}.",
             f"k = {k}. Searches: {_threads(options.threads)}, by {clock}; builds:"
             f" {_threads(results['options']['build_threads'])}. Medians of"
             f" {results['options']['repeats']} interleaved rounds. (n x): times {REFERENCE};"
             " *: the least effort already exceeds this recall; -: never reached.", "",
             "## vecinal over its peers", "", summary_table(results["sets"], all_lines), ""]
    for name, measured in results["sets"].items():
        parts += [f"## {name}", "",
                  f"{measured['rows']:,} x {measured['dim']}, {measured['metric']},"
                  f" {measured['queries']:,} queries.", "",
                  f"![recall and rate on {name}]({name}.png)", "",
                  engine_table(measured, all_lines[name]), ""]
        parts += [f"- {engine}: failed: {reason}"
                  for engine, reason in measured["failed"].items()] + [""]
    parts += ["## Versions", "", ", ".join(f"{package} {version}" for package, version
                                            in results["versions"].items() if version) + "."]
    parts += ["", *(f"- {engine}: skipped: {reason}"
                    for engine, reason in results["skipped"].items())]
    return "\n".join(parts).rstrip() + "\n"


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    environment.add_venv_argument(parser)
    parser.add_argument("results", type=Path, nargs="?", help="what run.py wrote",
                        default=environment.WORK / "results.json")
    parser.add_argument("--out-dir", type=Path, default=environment.WORK / "report")
    parser.add_argument("--threads", type=int, default=1, help="searches with that many threads")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall",
                        help="cpu: for one thread on a machine that other work shares")
    parser.add_argument("--machine", help="what to call the machine, instead of its CPU's name")
    return parser.parse_args()


def main() -> None:
    options = parse()
    results = json.loads(options.results.read_text())
    machine = options.machine or environment.machine_line(results["host"])
    version = results["versions"].get(OURS)
    note = machine + (f", vecinal {version} ({results['revision']})" if version else "")
    figure = "cpu_qps" if options.clock == "cpu" else "qps"
    options.out_dir.mkdir(parents=True, exist_ok=True)
    all_lines = {name: fronts(measured, options.threads, figure)
                 for name, measured in results["sets"].items()}
    for name, measured in results["sets"].items():
        title = (f"{name}: {measured['rows']:,} x {measured['dim']}, {measured['metric']},"
                 f" {_threads(options.threads)}")
        plot(title, f"{note}; {options.clock} clock", results["options"]["k"], all_lines[name],
             options.out_dir / f"{name}.png")
    (options.out_dir / "report.md").write_text(page(results, all_lines, options, note))
    print(options.out_dir / "report.md")


if __name__ == "__main__":
    main()
