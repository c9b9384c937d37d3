"""How well encodings, and the ranking of their best documents, do what exact MaxSim does.

    python3 benchmarks/multivector/evaluate.py --data DATA --made MADE --out quality.json

For every collection: nDCG@10 and recall@100 against the judgements (by ranx) of exact MaxSim, of
encodings alone (exact inner products of float32 encodings), and of the index (encodings in a graph,
candidates ranked by lvq8 tokens); and how many candidates the encodings need to hold 80, 90, 95 and
99 % of the best one and the best ten by exact MaxSim. Prints Markdown tables; --plots DIR draws
what candidates buy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import token_sets

if __name__ == "__main__":
    token_sets.enter()

import environment
import numpy as np

FDES = {
    "16, 4, 8: 2,048": {"repetitions": 16, "k_sim": 4, "projected_dim": 8},
    "20, 4, 8: 2,560": {"k_sim": 4, "projected_dim": 8},
    "20, 5, 8: 5,120": {"k_sim": 5, "projected_dim": 8},
    "20, 5, 16: 10,240": {"k_sim": 5, "projected_dim": 16},
    "20, 5, 32: 20,480": {"k_sim": 5, "projected_dim": 32},
    "40, 6, 32 to 4,096": {"repetitions": 40, "k_sim": 6, "projected_dim": 32, "final_dim": 4096},
}
INDEX_VALUES = ("10,240", "20,480")
SHARES = (0.80, 0.90, 0.95, 0.99)
CANDIDATES = (0.01, 0.02, 0.049)  # of the documents


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    token_sets.add_arguments(parser)
    parser.add_argument("--encoding", default="lvq4", help="of the index's encodings")
    parser.add_argument("--index-values", nargs="+", default=list(INDEX_VALUES), metavar="N",
                        choices=[name.split()[-1] for name in FDES],
                        help="values of the index's encodings")
    parser.add_argument("--index-only", action="store_true",
                        help="do not rank by encodings alone")
    parser.add_argument("--out", type=Path, default=token_sets.WORK / "multivector-quality.json")
    parser.add_argument("--plots", type=Path, help="folder for plots")
    return parser.parse_args()


def judge(collection: token_sets.Collection, found: np.ndarray) -> dict[str, float]:
    """nDCG@10 and recall@100 of ranked document numbers; -1 is none."""
    from ranx import Qrels, Run, evaluate

    run: dict[str, dict[str, float]] = {}
    for query, row in zip(collection.queries.names, found):
        if query not in collection.qrels:
            continue
        run[query] = {collection.documents.names[number]: 1.0 / (rank + 1)
                      for rank, number in enumerate(row.tolist()) if number >= 0}
    qrels = Qrels({query: collection.qrels[query] for query in run})
    scores = evaluate(qrels, Run(run), ["ndcg@10", "recall@100"], make_comparable=True)
    return {name: float(score) for name, score in scores.items()}


def rank_by_encodings(collection: token_sets.Collection, fde: dict[str, int]) -> np.ndarray:
    import vecinal

    documents, queries = collection.documents, collection.queries
    encoder = vecinal.FdeEncoder(documents.rows.shape[1], **fde)
    encoder.train(documents.rows, offsets=documents.offsets)
    scores = encoder.encode_queries(queries.rows, offsets=queries.offsets) @ (
        encoder.encode_documents(documents.rows, offsets=documents.offsets).T)
    return np.argsort(-scores, axis=1, kind="stable")


def candidates_needed(ranked: np.ndarray, truth: np.ndarray, k: int) -> list[int]:
    """How many of the best by encodings hold each share of the k best by exact MaxSim."""
    places = np.empty_like(ranked)
    np.put_along_axis(places, ranked, np.arange(ranked.shape[1])[None], axis=1)
    wanted = np.sort(np.take_along_axis(places, truth[:, :k], axis=1).ravel()) + 1
    return [int(wanted[int(np.ceil(share * len(wanted))) - 1]) for share in SHARES]


def measure_index(collection: token_sets.Collection, name: str,
                  encoding: str) -> dict[str, object]:
    import vecinal

    documents, queries = collection.documents, collection.queries
    index = vecinal.Index(documents.rows.shape[1], metric="chamfer", encoding=encoding,
                          fde=FDES[name])
    index.add(documents.rows, offsets=documents.offsets)
    result: dict[str, object] = {"stats": index.stats(), "candidates": {}}
    for share in CANDIDATES:
        count = int(share * len(documents))
        found = index.search(queries.rows, min(100, count), offsets=queries.offsets,
                             candidates=count).ids
        result["candidates"][str(count)] = {
            **judge(collection, found),
            "top10": token_sets.recall(found[:, :10], collection.truth, 10)}
    return result


def measure(collection: token_sets.Collection, options: argparse.Namespace) -> dict[str, object]:
    documents, queries, truth = collection.documents, collection.queries, collection.truth
    result: dict[str, object] = {
        "documents": len(documents), "queries": len(queries), "tokens": int(documents.offsets[-1]),
        "exact": judge(collection, truth[:, :100]), "encodings": {}, "index": {}}
    for name, fde in FDES.items():
        if options.index_only:
            break
        ranked = rank_by_encodings(collection, fde)
        result["encodings"][name] = {
            **judge(collection, ranked[:, :100]),
            "top1": candidates_needed(ranked, truth, 1),
            "top10": candidates_needed(ranked, truth, 10),
            "held": {str(c): token_sets.recall(ranked[:, :c], truth, 10)
                     for c in (10, 20, 50, 100, 200, 500, 1000)}}
    for name in FDES:
        if name.split()[-1] in options.index_values:
            result["index"][name] = measure_index(collection, name, options.encoding)
    return result


def tables(results: dict[str, dict]) -> str:
    lines = ["| collection | ranked by | nDCG@10 | of exact | recall@100 | "
             "candidates for 80, 90, 95, 99 % of the best | of the best ten |",
             "|---|---|---|---|---|---|---|"]
    for name, result in results.items():
        exact = result["exact"]["ndcg@10"]

        def row(label: str, scores: dict, needed: str) -> None:
            lines.append(f"| {name} | {label} | {scores['ndcg@10']:.4f} | "
                         f"{100 * scores['ndcg@10'] / exact:.1f} % | {scores['recall@100']:.4f} | "
                         f"{needed} |")

        row("exact MaxSim", result["exact"], " | ")
        for fde, scores in result["encodings"].items():
            needed = " | ".join(", ".join(map(str, scores[top])) for top in ("top1", "top10"))
            row(f"encodings {fde}", scores, needed)
        for fde, index in result["index"].items():
            for count, scores in index["candidates"].items():
                share = 100 * int(count) / result["documents"]
                row(f"index of {fde}, {count} candidates ({share:.1f} %)", scores,
                    f" | finds {scores['top10']:.3f} of them")
            stats = index["stats"]
            lines.append(f"| {name} | bytes of that index over those of float32 tokens | "
                         f"{stats['bytes'] / (512 * result['tokens']):.3f} | tokens "
                         f"{stats['bytes_tokens'] / (512 * result['tokens']):.3f} | encodings "
                         f"{stats['bytes_rows'] / (512 * result['tokens']):.3f} | occupancy "
                         f"{stats['occupancy']:.2f} | mean cosine {stats['mean_cosine']:.2f} |")
    return "\n".join(lines)


def plot(results: dict[str, dict], folder: Path, note: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(1, len(results), figsize=(3.4 * len(results), 3.4), dpi=150,
                                sharey=True, squeeze=False)
    for ax, (name, result) in zip(axes[0], results.items()):
        for fde, scores in result["encodings"].items():
            counts = [int(count) for count in scores["held"] if int(count) < result["documents"]]
            ax.plot(counts, [scores["held"][str(count)] for count in counts], marker="o",
                    markersize=3, label=fde)
        ax.set_xscale("log")
        ax.set_title(f"{name}, {result['documents']:,} documents", fontsize=9, loc="left")
        ax.set_xlabel("candidates", fontsize=8)
        ax.grid(alpha=0.3)
        ax.tick_params(labelsize=8)
    axes[0][0].set_ylabel("share of the ten best by exact MaxSim", fontsize=8)
    axes[0][0].legend(fontsize=7, frameon=False, title="repetitions, k_sim, dims", title_fontsize=7)
    figure.text(0.01, 0.005, note, fontsize=6, color="#666666")
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(folder / "multivector-candidates.png")
    plt.close(figure)


def main() -> None:
    options = parse()
    token_sets.install(options, "ranx")
    host = environment.describe_machine()
    results = {}
    for collection in token_sets.collections(options):
        results[collection.name] = measure(collection, options)
        environment.write_json(options.out, {"host": host, "revision": environment.revision(),
                                             "sets": results})
    print(tables(results))
    if options.plots:
        plot(results, options.plots, environment.machine_line(host))


if __name__ == "__main__":
    main()
