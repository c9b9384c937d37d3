"""What a log costs: adds in batches of 1, 100 and 10,000, with and without one.

    python benchmarks/living/log.py FOLDER [--place .] [--repeats 3]

FOLDER holds base.npy. The indexes start with 20,000 items. `place` is a folder on the disk that is to be
measured. Needs vecinal. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import vecinal

START = 20_000
BATCHES = {1: 500, 100: 50, 10_000: 1}  # size: how many


def sync_seconds(folder: Path) -> float:
    """The median time of writing one page at the end of a file and syncing it."""
    times = []
    with open(folder / "probe", "wb", buffering=0) as file:
        for _ in range(100):
            begin = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return statistics.median(times)


def adds_a_second(index: vecinal.Index, base: np.ndarray, size: int, count: int) -> float:
    begin = time.perf_counter()
    for i in range(count):
        first = START + i * size
        index.add(base[first : first + size])
    return size * count / (time.perf_counter() - begin)


def measure(how: str, base: np.ndarray, size: int, folder: Path) -> float:
    config = dict(metric="cosine", encoding="lvq8")
    if how == "no log":
        index = vecinal.Index(base.shape[1], **config)
        index.add(base[:START])
        return adds_a_second(index, base, size, BATCHES[size])
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "a.vcn"
        with vecinal.open(path, base.shape[1], sync=how == "sync=True", **config) as index:
            index.add(base[:START])
            index.save()
            return adds_a_second(index, base, size, BATCHES[size])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--place", type=Path, default=Path("."))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    base = np.load(options.folder / "base.npy", mmap_mode="r")[: START + 10_000].astype(np.float32)
    hows = ("no log", "sync=False", "sync=True")
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(options.repeats):
        for size in BATCHES:
            for how in hows:
                found.setdefault((how, size), []).append(measure(how, base, size, options.place))
    print(f"One write of 4 KiB and its sync take {1000 * sync_seconds(options.place):.2f} ms here.\n")
    print("| items a batch | no log | `sync=False` | `sync=True` |\n|---:|---:|---:|---:|")
    for size in BATCHES:
        figures = (statistics.median(found[how, size]) for how in hows)
        print(f"| {size:,} | " + " | ".join(f"{figure:,.0f}" for figure in figures) + " |")


if __name__ == "__main__":
    main()
