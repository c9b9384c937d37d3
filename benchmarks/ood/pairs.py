"""Makes pairs of items and queries that are distributed unlike them.

    python3 benchmarks/ood/pairs.py NAME --data DIR --made DIR --out DIR

NAME
  shop_clip_text2image   1,126 pictures, asked for by texts (CLIP): the stored set, texts split in halves
  wordnet_words384       117k glosses of WordNet, asked for by single words (MiniLM): 2,000 to test, 29,808 to fit
  pypi_words256          701k package summaries, asked for by single words (WordLlama), as many

--data holds the stored sets and make_vectors.py, which embeds texts; --made the sets that it made, whose
rows are the items. Writes OUT/NAME/{base,queries,gt,train}.npy and, of the items' own kind,
{inside_queries,inside_gt}.npy. Needs numpy, and faiss-cpu for exact neighbours; the words need what
make_vectors.py needs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

TESTED = 2000
WORDS = 32_000


def unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float32)
    return np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def nearest(base: np.ndarray, queries: np.ndarray, k: int = 100) -> np.ndarray:
    """The exact rows (q, k) of greatest inner product."""
    import faiss
    index = faiss.IndexFlatIP(base.shape[1])
    index.add(base)
    return index.search(queries, k)[1].astype(np.int32)


def distinct(rows: np.ndarray) -> np.ndarray:
    """The rows without repeats, in their order."""
    return rows[np.sort(np.unique(np.round(rows, 5), axis=0, return_index=True)[1])]


def words(texts: list[list[str]]) -> list[str]:
    """Single words that WordNet glosses explain, in an order drawn once."""
    found = dict.fromkeys(
        word.strip() for _, text in texts for word in text.split(":", 1)[0].split(",")
    )
    single = [word for word in found if word and " " not in word]
    order = np.random.default_rng(5).permutation(len(single))[:WORDS]
    return [single[i] for i in order]


def embed(makers, name: str, texts: list[str]) -> np.ndarray:
    """Embeds by make_vectors.py's model of that set."""
    if name == "wordnet_words384":
        return makers.MiniLM().sentences(texts)
    import shutil
    import tempfile
    from wordllama import WordLlama
    cache = Path(tempfile.mkdtemp())  # its loader looks for the files it ships in a cache folder
    for part in ("tokenizers", "weights"):
        shutil.copytree(makers.package_dir("wordllama") / part, cache / part)
    model = WordLlama.load(cache_dir=cache, disable_download=True)
    return model.embed(texts, norm=True).astype(np.float32)


def save(folder: Path, base: np.ndarray, tested: np.ndarray, train: np.ndarray,
         inside: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"base": base, "queries": tested, "gt": nearest(base, tested), "train": train,
             "inside_queries": inside, "inside_gt": nearest(base, inside)}
    for part, rows in parts.items():
        np.save(folder / f"{part}.npy", rows)
    (folder / "meta.json").write_text(json.dumps({"metric": "cosine"}) + "\n")
    print(folder, {part: rows.shape for part, rows in parts.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["shop_clip_text2image", "wordnet_words384", "pypi_words256"])
    for folder in ("data", "made", "out"):
        parser.add_argument(f"--{folder}", type=Path, required=True)
    options = parser.parse_args()
    out = options.out / options.name
    if options.name == "shop_clip_text2image":
        stored = options.data / options.name
        base = unit(np.load(stored / "base_image_f16.npy"))
        texts = unit(np.load(stored / "queries_text_f16.npy"))
        save(out, base, texts[::2].copy(), texts[1::2].copy(), base[:500])
        return
    sys.path.insert(0, str(options.data))
    import make_vectors
    made = options.made / {"wordnet_words384": "wordnet_minilm384",
                           "pypi_words256": "pypi_wordllama256"}[options.name]
    asked = words(make_vectors.texts("wordnet_glosses/docs.tsv.gz"))
    queries = distinct(embed(make_vectors, options.name, asked))
    save(out, np.load(made / "base.npy"), queries[:TESTED], queries[TESTED:],
         np.load(made / "queries.npy"))


if __name__ == "__main__":
    main()
