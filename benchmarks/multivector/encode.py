"""Documents encoded a second: vecinal and pymuvera, the same parameters, all cores.

    python3 benchmarks/multivector/encode.py --made MADE --data DATA --sets scifact

pymuvera encodes one document a call, on whatever threads its BLAS takes.
"""

from __future__ import annotations

import argparse
import statistics
import time

import token_sets

if __name__ == "__main__":
    token_sets.enter()

REPETITIONS, K_SIM, PROJECTED = 20, 5, 16


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    token_sets.add_arguments(parser)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def main() -> None:
    options = parse()
    token_sets.install(options, "pymuvera")
    import pymuvera
    import vecinal

    print("| collection | tokens a document | vecinal, 1 thread | all cores | pymuvera | ratio |")
    print("|---|---|---|---|---|---|")
    for collection in token_sets.collections(options):
        count = min(options.documents, len(collection.documents))
        documents = [collection.documents[number].copy() for number in range(count)]
        dim = documents[0].shape[1]
        ours = [vecinal.FdeEncoder(dim, k_sim=K_SIM, projected_dim=PROJECTED,
                                   repetitions=REPETITIONS, threads=threads) for threads in (1, 0)]
        theirs = pymuvera.MUVERAEncoder(
            dimension=dim, num_simhash_projections=K_SIM, num_repetitions=REPETITIONS,
            projection_type=pymuvera.ProjectionType.AMS_SKETCH, projection_dimension=PROJECTED,
            fill_empty_partitions=True)
        for encoder in ours:
            encoder.train(documents)
        few = documents[:max(1, count // 10)]
        rates: list[list[float]] = [[], [], []]
        for _ in range(options.repeats):
            for number, encoder in enumerate(ours):
                started = time.perf_counter()
                encoder.encode_documents(documents)
                rates[number].append(count / (time.perf_counter() - started))
            started = time.perf_counter()
            for document in few:
                theirs.encode_document(document)
            rates[2].append(len(few) / (time.perf_counter() - started))
        one, both, peer = map(statistics.median, rates)
        tokens = sum(map(len, documents)) / count
        print(f"| {collection.name} | {tokens:.0f} | {one:,.0f} | {both:,.0f} | {peer:,.1f} | "
              f"{both / peer:.0f}x |")


if __name__ == "__main__":
    main()
