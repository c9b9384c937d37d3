"""A dictionary searched by meaning.

WordNet's 117,659 definitions are embedded with WordLlama (static token vectors averaged over a text, 256
dimensions) and indexed; a phrase is answered with the words whose definitions lie nearest to it.

    python dictionary.py "a large wild cat" "fear of spiders"

Vectors and index are kept in --cache, so only the first run makes them. scripts/demo.sh sets up what is
needed (packages wordnet-base, vecinal, wordllama) and runs this file.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import vecinal

DIM = 256
PHRASES = (
    "a large wild cat",
    "fear of spiders",
    "a big ship for war",
    "a sweet drink made of fruit",
    "a musical instrument with strings",
    "person who breaks into a house to steal",
)


class Entry(NamedTuple):
    """One meaning: the words that share it, its definition, and sentences that use it."""

    words: str
    definition: str
    sentences: tuple[str, ...]


def read_wordnet(folder: Path) -> Iterator[Entry]:
    """Every meaning in WordNet's data files.

    A line is "offset file type word-count word id word id ... | gloss"; the count is hexadecimal and a gloss is
    a definition followed by example sentences in quotes. Lines of the licence start with two spaces.
    """
    for kind in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{kind}").read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):
                continue
            fields, gloss = line.split(" | ", 1)
            parts = fields.split()
            words = [re.sub(r"\(.*\)", "", word).replace("_", " ") for word in parts[4 : 4 + 2 * int(parts[3], 16) : 2]]
            definition = re.sub(r"\".*", "", gloss).strip(" ;:,")
            yield Entry(", ".join(words), definition or gloss.strip(), tuple(re.findall(r'"([^"]+)"', gloss)))


class Bar:
    """A progress bar on standard error; only its label where that is not a terminal."""

    def __init__(self, label: str) -> None:
        self.label = label
        if not sys.stderr.isatty():
            print(f"{label} ...", file=sys.stderr, flush=True)

    def __call__(self, done: int, total: int) -> bool:
        """Draws done of total; True means go on."""
        if sys.stderr.isatty():
            full = 32 * done // max(total, 1)
            end = "\n" if done == total else ""
            bar = "█" * full + "░" * (32 - full)
            print(f"\r{self.label:<10} {bar} {done:,} / {total:,}", end=end, file=sys.stderr, flush=True)
        return True


def make_embedder() -> Callable[[list[str]], np.ndarray]:
    """A function from texts to unit vectors (n, DIM). WordLlama's weights come in its package."""
    import wordllama

    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, dim=DIM, disable_download=True)

    def embed(texts: list[str]) -> np.ndarray:
        vectors: np.ndarray = model.embed(texts, norm=True).astype(np.float32)
        return vectors

    return embed


def embed_all(entries: list[Entry], file: Path) -> np.ndarray:
    """The vector of every entry, from the cache file if it fits."""
    if file.exists():
        vectors: np.ndarray = np.load(file)
        if vectors.shape == (len(entries), DIM):
            return vectors
    embed, bar, chunk = make_embedder(), Bar("embedding"), 4096
    vectors = np.empty((len(entries), DIM), dtype=np.float32)
    for start in range(0, len(entries), chunk):
        texts = [f"{entry.words}: {entry.definition}" for entry in entries[start : start + chunk]]
        vectors[start : start + len(texts)] = embed(texts)
        bar(start + len(texts), len(entries))
    np.save(file, vectors)
    return vectors


def build(vectors: np.ndarray, file: Path) -> float:
    """Indexes the vectors (ids are row numbers) and saves the index; returns the seconds of indexing."""
    index = vecinal.Index(dim=DIM, metric="cosine")
    start = time.perf_counter()
    index.add(vectors, progress=Bar("indexing"))
    seconds = time.perf_counter() - start
    index.save(file)
    return seconds


def answer(index: vecinal.Index, entries: list[Entry], phrases: list[str], queries: np.ndarray, k: int) -> None:
    """Prints the k nearest meanings of each phrase with their cosines."""
    ids, distances = index.search(queries, k=k)
    for phrase, row, scores in zip(phrases, ids, distances):
        print(f"\n{phrase}")
        for item, distance in zip(row, scores):
            entry = entries[item]
            words = textwrap.shorten(entry.words, 34, placeholder=" ...")
            print(f"  {1 - distance:.2f}  {words:<34}  {textwrap.shorten(entry.definition, 78, placeholder=' ...')}")


def seconds_of(work: Callable[[], object]) -> float:
    """The fastest of three runs."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(index: vecinal.Index, queries: np.ndarray, k: int = 10) -> None:
    """Prints recall against exact search, speed and size. The queries are sentences that are not in the index."""
    found = index.search(queries, k=k).ids
    truth = index.search(queries, k=k, exact=True).ids
    recall = np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found, truth)])
    graph = len(queries) / seconds_of(lambda: index.search(queries, k=k))
    exact = len(queries) / seconds_of(lambda: index.search(queries, k=k, exact=True))
    stats = index.stats()
    print(f"\nrecall@{k}     {recall:.4f}  (share of the true {k} nearest, over {len(queries):,} example sentences)")
    print(f"queries/s     {graph:,.0f}  (exact search: {exact:,.0f})")
    print(f"bytes/vector  {stats['bytes'] / len(index):,.0f}  (the row alone: {4 * DIM:,})")


def main() -> None:
    """Reads the dictionary, makes or finds the index, answers the phrases."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("phrases", nargs="*", metavar="phrase")
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="folder of data.noun etc.")
    parser.add_argument("--cache", type=Path, default=Path("build/demo"), help="folder of vectors and index")
    parser.add_argument("-k", type=int, default=5, help="number of answers")
    options = parser.parse_args()

    entries = list(read_wordnet(options.wordnet))
    options.cache.mkdir(parents=True, exist_ok=True)
    file = options.cache / "dictionary.vcn"
    if file.exists() and len(index := vecinal.load(file, mmap=True)) == len(entries):
        print(f"{len(index):,} meanings, index mapped from {file}")
    else:
        seconds = build(embed_all(entries, options.cache / "vectors.npy"), file)
        index = vecinal.load(file, mmap=True)
        print(f"{len(index):,} meanings of {DIM} dimensions indexed in {seconds:.1f} s")

    embed = make_embedder()
    phrases = options.phrases or list(PHRASES)
    answer(index, entries, phrases, embed(phrases), options.k)
    if not options.phrases:
        sentences = [sentence for entry in entries for sentence in entry.sentences]
        measure(index, embed(sentences[:: len(sentences) // 1000][:1000]))


if __name__ == "__main__":
    main()
