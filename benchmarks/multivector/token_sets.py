"""Token sets of the collections, their relevance judgements, and the exact answers.

Token sets are folders ``tokens_NAME`` with {docs,queries}.npy (all tokens, one after another),
{docs,queries}_offsets.npy and {docs,queries}_ids.txt; judgements are ``NAME/qrels.tsv``.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import environment

COLLECTIONS = ("cranfield", "npl_vaswani", "cisi", "scifact")
WORK = environment.REPOSITORY / "build-peers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    environment.add_data_arguments(parser)
    environment.add_install_arguments(parser)
    parser.set_defaults(sets=list(COLLECTIONS))
    # Apart from the venv of the other peers: fast-plaid pins its own torch.
    parser.add_argument("--venv", type=Path, default=WORK / "multivector-venv",
                        help="the virtual environment, made on first use")


def enter() -> None:
    """Continues under the Python of --venv, as the other benchmarks do."""
    if "--venv" not in sys.argv:
        sys.argv += ["--venv", str(WORK / "multivector-venv")]
    environment.enter()


def install(options: argparse.Namespace, *peers: str) -> None:
    """Installs vecinal and the peers, unless told not to.

    pymuvera asks for Python 3.12, but is pure Python that runs on older ones.
    """
    if options.no_install:
        return
    faults = [environment.install(options.venv, peer, "--ignore-requires-python")
              for peer in peers]
    faults.append(environment.install_vecinal(options.venv, options.vecinal_wheel))
    if any(faults):
        raise SystemExit("; ".join(filter(None, faults)))


@dataclass
class Sets:
    """All vectors, one after another, and where each set starts."""

    rows: "numpy.ndarray"
    offsets: "numpy.ndarray"
    names: list[str]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, number: int) -> "numpy.ndarray":
        return self.rows[self.offsets[number]:self.offsets[number + 1]]

    def __iter__(self):
        return (self[number] for number in range(len(self)))


def read_sets(folder: Path, kind: str) -> Sets:
    import numpy

    rows = numpy.load(folder / f"{kind}.npy").astype(numpy.float32)
    offsets = numpy.load(folder / f"{kind}_offsets.npy").astype(numpy.int64)
    names = (folder / f"{kind}_ids.txt").read_text(encoding="utf-8").split("\n")
    names = names[:len(offsets) - 1]
    kept = numpy.flatnonzero(numpy.diff(offsets) > 0)
    if len(kept) < len(names):
        sizes = numpy.diff(offsets)[kept]
        offsets = numpy.concatenate(([0], numpy.cumsum(sizes)))
        names = [names[number] for number in kept]
    return Sets(rows, offsets, names)


class Collection:
    """Documents, queries and judgements of one collection."""

    def __init__(self, name: str, made: Path, data: Path) -> None:
        self.name = name
        self.documents = read_sets(made / f"tokens_{name}", "docs")
        self.queries = read_sets(made / f"tokens_{name}", "queries")
        self.qrels: dict[str, dict[str, int]] = {}
        for line in (data / name / "qrels.tsv").read_text(encoding="utf-8").splitlines():
            query, document, grade = line.split("\t")
            if int(grade) > 0:
                self.qrels.setdefault(query, {})[document] = int(grade)

    @cached_property
    def truth(self) -> "numpy.ndarray":
        """Numbers of the 1,000 best documents of every query by exact MaxSim of float32 tokens."""
        import vecinal

        index = vecinal.Index(self.documents.rows.shape[1], metric="chamfer", tokens="f32",
                              graph=None, fde={"k_sim": 0, "repetitions": 1})
        index.add(self.documents.rows, offsets=self.documents.offsets)
        count = min(1000, len(self.documents))
        return index.search(self.queries.rows, count, offsets=self.queries.offsets, exact=True).ids


def collections(options: argparse.Namespace):
    for name in options.sets:
        yield Collection(name, options.made, options.data)


def recall(found: "numpy.ndarray", truth: "numpy.ndarray", k: int) -> float:
    """Share of the k best by exact MaxSim among the found."""
    hits = sum(len(set(row.tolist()) & set(best[:k].tolist())) for row, best in zip(found, truth))
    return hits / (len(truth) * k)
