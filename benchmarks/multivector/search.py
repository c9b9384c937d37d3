"""Queries a second at a recall of exact MaxSim's best ten: vecinal, fast-plaid, exact by torch.

    python3 benchmarks/multivector/search.py --data DATA --made MADE --sets npl_vaswani scifact

All engines hold the same documents and answer all queries in one call, on --threads threads, in
interleaved rounds; medians are reported. Recall is the share of the ten best by exact MaxSim of
float32 tokens. Prints a Markdown table; --plots DIR draws rate against recall.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import token_sets

if __name__ == "__main__":
    token_sets.enter()

import environment
import numpy as np

K = 10
TARGETS = (0.80, 0.90, 0.95, 0.99)
FDES = {"2,560": {"k_sim": 4, "projected_dim": 8}, "10,240": {"k_sim": 5, "projected_dim": 16}}
CANDIDATES = (20, 50, 100, 150, 200, 300, 500, 1000)
# Lists that a query token looks into, and documents that are then scored in full.
PLAID_EFFORTS = ((1, 64), (2, 128), (4, 256), (4, 1024), (8, 1024), (8, 4096), (16, 4096),
                 (32, 8192))

Search = Callable[[], np.ndarray]
Setting = tuple[str, Search]
Built = dict[str, float]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    token_sets.add_arguments(parser)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plaid-efforts", type=int, default=len(PLAID_EFFORTS),
                        help="only the first so many of fast-plaid's settings")
    parser.add_argument("--engines", nargs="+", default=["vecinal", "fast-plaid", "torch"],
                        choices=["vecinal", "fast-plaid", "torch"])
    parser.add_argument("--out", type=Path, default=token_sets.WORK / "multivector-search.json")
    parser.add_argument("--plots", type=Path, help="folder for plots")
    return parser.parse_args()


def vecinal_settings(collection: token_sets.Collection, options: argparse.Namespace,
                     built: Built) -> Iterator[Setting]:
    import vecinal

    documents, queries = collection.documents, collection.queries
    for name, fde in FDES.items():
        started = time.perf_counter()
        index = vecinal.Index(documents.rows.shape[1], metric="chamfer", encoding="lvq4", fde=fde)
        index.add(documents.rows, offsets=documents.offsets)
        built[f"vecinal {name}"] = time.perf_counter() - started
        built[f"vecinal {name} bytes"] = index.stats()["bytes"]
        for count in CANDIDATES:
            def search(index=index, count=count) -> np.ndarray:
                return index.search(queries.rows, K, offsets=queries.offsets, candidates=count,
                                    threads=options.threads).ids

            yield f"vecinal {name}: {count}", search


def plaid_settings(collection: token_sets.Collection, options: argparse.Namespace,
                   built: Built) -> Iterator[Setting]:
    import torch
    from fast_plaid import search as plaid

    folder = tempfile.mkdtemp(prefix="plaid")
    started = time.perf_counter()
    index = plaid.FastPlaid(index=folder, device="cpu")
    index.create([torch.from_numpy(rows.copy()) for rows in collection.documents])
    built["fast-plaid"] = time.perf_counter() - started
    built["fast-plaid bytes"] = sum(
        file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    queries = [torch.from_numpy(rows.copy()) for rows in collection.queries]
    torch.set_num_threads(options.threads)
    for probes, scored in PLAID_EFFORTS[:options.plaid_efforts]:
        def search(probes=probes, scored=scored) -> np.ndarray:
            found = index.search(queries, top_k=K, n_ivf_probe=probes, n_full_scores=scored,
                                 show_progress=False, n_processes=options.threads)
            ids = np.full((len(found), K), -1)
            for row, hits in zip(ids, found):
                row[:len(hits)] = [number for number, _ in hits][:K]
            return ids

        yield f"fast-plaid: {probes}, {scored}", search


def torch_settings(collection: token_sets.Collection, options: argparse.Namespace,
                   built: Built) -> Iterator[Setting]:
    """All products by one GEMM a query, then the greatest by document."""
    import torch

    torch.set_num_threads(options.threads)
    documents = collection.documents
    rows = torch.from_numpy(documents.rows)
    starts = documents.offsets[:-1]

    def search() -> np.ndarray:
        ids = np.empty((len(collection.queries), K), np.int64)
        for number, query in enumerate(collection.queries):
            products = (rows @ torch.from_numpy(query.copy()).T).numpy()
            scores = np.maximum.reduceat(products, starts, axis=0).sum(axis=1)
            ids[number] = np.argsort(-scores, kind="stable")[:K]
        return ids

    yield "torch exact", search


ENGINES = {"vecinal": vecinal_settings, "fast-plaid": plaid_settings, "torch": torch_settings}


def measure(collection: token_sets.Collection, options: argparse.Namespace) -> dict:
    built: Built = {}
    settings = [setting for name in options.engines
                for setting in ENGINES[name](collection, options, built)]
    truth = collection.truth
    recalls = {name: token_sets.recall(search(), truth, K) for name, search in settings}
    rates: dict[str, list[float]] = {name: [] for name, _ in settings}
    for _ in range(options.repeats):
        for name, search in settings:
            started = time.perf_counter()
            search()
            rates[name].append(len(collection.queries) / (time.perf_counter() - started))
    return {"documents": len(collection.documents), "queries": len(collection.queries),
            "built": built,
            "points": {name: {"recall": recalls[name], "qps": statistics.median(rates[name])}
                       for name, _ in settings}}


def best_at(result: dict, engine: str, target: float) -> tuple[float, str] | None:
    """The fastest setting measured that reaches the target: nothing is interpolated."""
    reached = [(point["qps"], name) for name, point in result["points"].items()
               if name.startswith(engine) and point["recall"] >= target]
    return max(reached) if reached else None


def table(results: dict[str, dict], engines: list[str]) -> str:
    lines = ["| collection | recall | " + " | ".join(engines) + " | vecinal / fast-plaid |",
             "|---|---|" + "---|" * (len(engines) + 1)]
    for name, result in results.items():
        for target in TARGETS:
            cells, found = [], {}
            for engine in engines:
                best = best_at(result, engine, target)
                found[engine] = best
                cells.append("-" if best is None else f"{best[0]:,.0f} ({best[1]})")
            ours, theirs = found.get("vecinal"), found.get("fast-plaid")
            ratio = f"{ours[0] / theirs[0]:.1f}x" if ours and theirs else "-"
            lines.append(f"| {name} | {target} | " + " | ".join(cells) + f" | {ratio} |")
    return "\n".join(lines)


def plot(results: dict[str, dict], folder: Path, note: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(1, len(results), figsize=(4.6 * len(results), 3.8), dpi=150,
                                squeeze=False)
    for ax, (name, result) in zip(axes[0], results.items()):
        lines: dict[str, list[tuple[float, float]]] = {}
        for setting, point in result["points"].items():
            lines.setdefault(setting.split(":")[0], []).append((point["recall"], point["qps"]))
        for line, points in lines.items():
            ax.plot(*zip(*sorted(points)), marker="o", markersize=4, label=line)
        ax.set_yscale("log")
        ax.set_title(f"{name}, {result['documents']:,} documents", fontsize=9, loc="left")
        ax.set_xlabel("recall of the ten best by exact MaxSim", fontsize=8)
        ax.grid(alpha=0.3, which="both")
        ax.tick_params(labelsize=8)
    axes[0][0].set_ylabel("queries a second", fontsize=8)
    axes[0][0].legend(fontsize=7, frameon=False)
    figure.text(0.01, 0.005, note, fontsize=6, color="#666666")
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(folder / "multivector-search.png")
    plt.close(figure)


def main() -> None:
    options = parse()
    token_sets.install(options, *(name for name in options.engines if name != "vecinal"))
    host = environment.describe_machine()
    results = {}
    for collection in token_sets.collections(options):
        results[collection.name] = measure(collection, options)
        environment.write_json(options.out, {"host": host, "revision": environment.revision(),
                                             "threads": options.threads, "sets": results})
    print(table(results, options.engines))
    for name, result in results.items():
        print(name, {part: round(value, 1) for part, value in result["built"].items()})
    if options.plots:
        plot(results, options.plots, environment.machine_line(host))


if __name__ == "__main__":
    main()
