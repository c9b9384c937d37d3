"""Documents encoded a second where encodings find as much: vecinal beside muvera-rs.

    python3 benchmarks/multivector/equal_quality.py --made MADE --data DATA --sets cranfield \
        --muvera-rs benchmarks/multivector/muvera_rs/target/release/encode

muvera-rs makes as many values a document as MUVERA with 20 repetitions of 32 cells of 16. What its
encodings find is the share of the ten best documents by exact MaxSim among the 100 whose encodings
have the greatest inner products with a query's. vecinal makes as few repetitions as find no less.
"""

from __future__ import annotations

import argparse
import contextlib
import pathlib
import statistics
import time
from collections.abc import Callable

import token_sets

if __name__ == "__main__":
    token_sets.enter()

K_SIM, PROJECTED = 5, 16
CELL_VALUES = 2**K_SIM * PROJECTED
VALUES = 20 * CELL_VALUES
REPETITIONS = (1, 2, 3, 4, 5, 6, 8, 10, 14, 20)
CANDIDATES, BEST = 100, 10


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    token_sets.add_arguments(parser)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--muvera-rs", type=pathlib.Path, metavar="PROGRAM", required=True)
    return parser.parse_args()


def share_found(documents: "numpy.ndarray", queries: "numpy.ndarray",
                truth: "numpy.ndarray") -> float:
    import numpy

    scores = queries @ documents.T
    found = numpy.argpartition(-scores, CANDIDATES, axis=1)[:, :CANDIDATES]
    return token_sets.recall(found, truth, BEST)


def encoder_of(documents: token_sets.Sets, repetitions: int):
    import vecinal

    encoder = vecinal.FdeEncoder(documents.rows.shape[1], k_sim=K_SIM, projected_dim=PROJECTED,
                                 repetitions=repetitions, threads=1)
    encoder.train(documents.rows, offsets=documents.offsets)
    return encoder


def fewest_repetitions(collection: token_sets.Collection, wanted: float) -> tuple[int, float]:
    """Return how many repetitions find that share, and what share they find."""
    documents, queries = collection.documents, collection.queries
    for repetitions in REPETITIONS:
        encoder = encoder_of(documents, repetitions)
        share = share_found(encoder.encode_documents(documents.rows, offsets=documents.offsets),
                            encoder.encode_queries(queries.rows, offsets=queries.offsets),
                            collection.truth)
        if share >= wanted:
            break
    return repetitions, share


def vecinal_round(documents: token_sets.Sets, repetitions: int) -> Callable[[], float]:
    encoder = encoder_of(documents, repetitions)

    def encode() -> float:
        started = time.perf_counter()
        encoder.encode_documents(documents.rows, offsets=documents.offsets)
        return len(documents) / (time.perf_counter() - started)

    return encode


def main() -> None:
    from muvera_program import MuveraRs

    options = parse()
    token_sets.install(options)
    print(f"| collection | muvera-rs: found, documents/s | vecinal: repetitions, found, documents/s"
          " | x |\n|---|---|---|---|")
    for collection in token_sets.collections(options):
        documents, queries = collection.documents, collection.queries
        with contextlib.ExitStack() as stack:
            peer, asked = (stack.enter_context(MuveraRs(
                options.muvera_rs, sets.rows, sets.offsets, VALUES, 1)) for sets in (documents, queries))
            share = share_found(peer.encodings("documents"), asked.encodings("queries"),
                                collection.truth)
            repetitions, ours = fewest_repetitions(collection, share)
            rounds = (peer.encode, vecinal_round(documents, repetitions))
            rates = [[encode() for encode in rounds] for _ in range(options.repeats + 1)]
        theirs, own = (statistics.median(column) for column in zip(*rates[1:]))  # the first warms up
        print(f"| {collection.name} | {share:.3f}, {theirs:,.0f} | {repetitions}, {ours:.3f}, {own:,.0f}"
              f" | {own / theirs:.1f} |", flush=True)


if __name__ == "__main__":
    main()
