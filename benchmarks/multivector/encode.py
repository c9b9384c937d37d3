"""Documents encoded a second: vecinal, pymuvera and muvera-rs, as many values, one thread and all.

    python3 benchmarks/multivector/encode.py --made MADE --data DATA --sets scifact

vecinal and muvera-rs are given all tokens in one array, and where documents start; vecinal gives
back one array of all encodings, muvera-rs drops each. pymuvera takes the same parameters; it
encodes one document a call, on whatever threads its BLAS takes. muvera-rs, the package muvera of
PyPI, knows neither cells of several hyperplanes nor repetitions; it comes in when built from its
crate (in benchmarks/multivector/muvera_rs: cargo build --release) and named: --muvera-rs
benchmarks/multivector/muvera_rs/target/release/encode.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import token_sets

if __name__ == "__main__":
    token_sets.enter()

REPETITIONS, K_SIM, PROJECTED = 20, 5, 16
VALUES = REPETITIONS * 2**K_SIM * PROJECTED
ENGINES = ("vecinal, 1 thread", "vecinal, all", "pymuvera", "muvera-rs, 1 thread", "muvera-rs, all")

Round = Callable[[], float]  # encodes once; documents a second


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    token_sets.add_arguments(parser)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--muvera-rs", type=pathlib.Path, metavar="PROGRAM")
    return parser.parse_args()


def vecinal_rounds(documents: list[Any]) -> dict[str, Round]:
    import numpy as np
    import vecinal

    tokens = np.concatenate(documents)
    offsets = np.cumsum([0, *map(len, documents)])

    def made(threads: int) -> Round:
        encoder = vecinal.FdeEncoder(documents[0].shape[1], k_sim=K_SIM, projected_dim=PROJECTED,
                                     repetitions=REPETITIONS, threads=threads)
        encoder.train(tokens, offsets=offsets)

        def encode() -> float:
            started = time.perf_counter()
            encoder.encode_documents(tokens, offsets=offsets)
            return len(documents) / (time.perf_counter() - started)

        return encode

    return {"vecinal, 1 thread": made(1), "vecinal, all": made(0)}


def pymuvera_round(documents: list[Any]) -> Round:
    import pymuvera

    encoder = pymuvera.MUVERAEncoder(
        dimension=documents[0].shape[1], num_simhash_projections=K_SIM,
        num_repetitions=REPETITIONS, projection_type=pymuvera.ProjectionType.AMS_SKETCH,
        projection_dimension=PROJECTED, fill_empty_partitions=True)
    few = documents[:max(1, len(documents) // 10)]

    def encode() -> float:
        started = time.perf_counter()
        for document in few:
            encoder.encode_document(document)
        return len(few) / (time.perf_counter() - started)

    return encode


def muvera_rs_rounds(program: pathlib.Path, documents: list[Any],
                     running_until: contextlib.ExitStack) -> dict[str, Round]:
    """The program's rounds; it makes as many values a document as the others."""
    import numpy as np
    from muvera_program import MuveraRs

    rows, offsets = np.concatenate(documents), np.cumsum([0, *map(len, documents)])
    return {name: running_until.enter_context(
                MuveraRs(program, rows, offsets, VALUES, threads)).encode
            for name, threads in (("muvera-rs, 1 thread", 1),
                                  ("muvera-rs, all", os.cpu_count() or 1))}


def main() -> None:
    options = parse()
    token_sets.install(options, "pymuvera")
    print("| collection | tokens a document |", " | ".join(ENGINES), "|")
    print("|---" * (2 + len(ENGINES)) + "|")
    for collection in token_sets.collections(options):
        count = min(options.documents, len(collection.documents))
        documents = [collection.documents[number].copy() for number in range(count)]
        with contextlib.ExitStack() as stack:
            rounds = {**vecinal_rounds(documents), "pymuvera": pymuvera_round(documents)}
            if options.muvera_rs:
                rounds |= muvera_rs_rounds(options.muvera_rs, documents, stack)
            rates: dict[str, list[float]] = {name: [] for name in rounds}
            for turn in range(options.repeats + 1):
                for name, encode in rounds.items():
                    rate = encode()
                    if turn:  # the first warms up
                        rates[name].append(rate)
        medians = (f"{statistics.median(rates[name]):,.0f}" if name in rates else "-"
                   for name in ENGINES)
        print(f"| {collection.name} | {sum(map(len, documents)) / count:.0f} |",
              " | ".join(medians), "|", flush=True)


if __name__ == "__main__":
    main()
