"""Finds the paragraphs of some files that speak of a question, however it is spelled.

    python passages.py README.md docs/*.md -- "quantisation of vecters"

A paragraph is the set of its words, a word a vector of its letter trigrams; late interaction (MaxSim) looks
for each word of the question the most similar word of a paragraph. A language model's token vectors go in
the same way, and then paragraphs are found by meaning.
"""

from __future__ import annotations

import re
import sys
import textwrap
import zlib
from pathlib import Path

import numpy as np
import vecinal

DIM = 128


def vectors_of(text: str) -> np.ndarray:
    """The words of a text as unit vectors, (words, DIM): each trigram counts at one place, up or down."""
    words = re.findall(r"[a-z]{3,}", text.lower())
    vectors = np.zeros((len(words), DIM), np.float32)
    for vector, word in zip(vectors, words):
        marked = f"^{word}$"
        for start in range(len(marked) - 2):
            drawn = zlib.crc32(marked[start : start + 3].encode())
            vector[drawn % DIM] += 1 if drawn >> 20 & 1 else -1
        vector /= np.linalg.norm(vector) or 1
    return vectors


def main() -> None:
    """Reads the files, indexes their paragraphs, answers the question."""
    if "--" not in sys.argv:
        sys.exit(__doc__)
    split = sys.argv.index("--")
    files, question = sys.argv[1:split], " ".join(sys.argv[split + 1 :])
    texts = [text for file in files for text in Path(file).read_text(encoding="utf-8").split("\n\n")]
    sets = [vectors_of(text) for text in texts]
    texts = [text for text, vectors in zip(texts, sets) if len(vectors)]
    index = vecinal.Index(dim=DIM, metric="chamfer", encoding="lvq4")
    index.add([vectors for vectors in sets if len(vectors)])

    asked = vectors_of(question)
    ids, distances = index.search(asked, k=3)
    print(f"{question}   (among {len(index):,} paragraphs, {index.stats()['vectors']:,} words)")
    for number, distance in zip(ids, distances):
        print(f"\n{-distance / len(asked):.2f} a word")
        print(textwrap.indent(textwrap.fill(texts[number], 100, max_lines=4, placeholder=" ..."), "  "))


if __name__ == "__main__":
    main()
