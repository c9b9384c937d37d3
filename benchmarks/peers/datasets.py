"""The vector sets, as folders of .npy files that every engine maps.

A set is prepared once into CACHE/NAME: `base.npy` and `queries.npy` (float32, C order, unit rows
for cosine), `gt.npy` (int32, the exact nearest rows of base, best first) and `meta.json`
({"metric": "l2" | "cosine" | "ip"}). Other tools can read that folder as it is.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Loader = Callable[[Path], tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Dataset:
    """A prepared set. The arrays are maps of its files: read-only in effect (copy on write)."""

    name: str
    metric: str  # "l2" (squared), "cosine" (unit rows) or "ip"
    folder: Path
    base: np.ndarray  # (n, dim) float32
    queries: np.ndarray  # (q, dim) float32
    truth: np.ndarray  # (q, at least k) int32


def load(folder: Path) -> Dataset:
    """Maps a prepared folder. Mode 'c': writable to bindings that insist, yet never written."""
    arrays = [np.load(folder / f"{part}.npy", mmap_mode="c") for part in ("base", "queries", "gt")]
    metric = json.loads((folder / "meta.json").read_text())["metric"]
    return Dataset(folder.name, metric, folder, *arrays)


def prepare(name: str, data: Path | None, made: Path | None, cache: Path) -> Path:
    """Returns the prepared folder of a set, making it on first use.

    Args:
        name: a key of SETS, or any folder of `made`.
        data: the folder of the stored sets.
        made: the folder of generated sets (NAME/{base,queries,gt}.npy, meta.json).
        cache: where prepared folders are kept.
    Raises:
        FileNotFoundError: the set is in neither folder.
    """
    folder = cache / name
    if (folder / "meta.json").exists():
        return folder
    if name in SETS and data is not None and (data / name).is_dir():
        metric, loader = SETS[name]
        base, queries, truth = loader(data / name)
    elif made is not None and (made / name / "meta.json").exists():
        metric = json.loads((made / name / "meta.json").read_text())["metric"]
        base, queries, truth = _load_made(made / name)
    else:
        raise FileNotFoundError(f"set {name!r} is neither in {data} nor in {made}")
    _save(folder, metric, base, queries, truth)
    return folder


def _save(folder: Path, metric: str, base: np.ndarray, queries: np.ndarray,
          truth: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part, rows in (("base", base), ("queries", queries)):
        rows = np.array(rows, dtype=np.float32, order="C")
        if metric == "cosine":
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        np.save(folder / f"{part}.npy", rows)
    np.save(folder / "gt.npy", np.ascontiguousarray(truth, dtype=np.int32))
    (folder / "meta.json").write_text(json.dumps({"metric": metric}) + "\n")  # last: marks it whole


def _half(queries: str, truth: str, base: str = "base_f16.npy") -> Loader:
    def loader(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        parts = (np.load(folder / name) for name in (base, queries, truth))
        return tuple(parts)  # type: ignore[return-value]
    return loader


def _load_made(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    base, queries, truth = (np.load(folder / f"{part}.npy") for part in ("base", "queries", "gt"))
    return base, queries, truth


def _load_fashion_mnist(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    def images(name: str) -> np.ndarray:
        with gzip.open(folder / name) as file:
            return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)

    truth = np.load(folder / "gt_l2_100_first1000queries.npy")
    return (images("train-images-idx3-ubyte.gz"), images("t10k-images-idx3-ubyte.gz")[:len(truth)],
            truth)


SETS: dict[str, tuple[str, Loader]] = {
    "fashion_mnist": ("l2", _load_fashion_mnist),
    "muge_cnclip512": ("cosine", _half("queries_f16.npy", "gt_cos_100.npy")),
    "glove6b_100": ("cosine", _half("queries_f16.npy", "gt_cos_100.npy")),
    "shop_clip_text2image": (
        "cosine", _half("queries_text_f16.npy", "gt_ip_100.npy", "base_image_f16.npy")),
    "sift5k": ("l2", _half("queries.npy", "gt_l2_100.npy", "base.npy")),
}
