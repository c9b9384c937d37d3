"""What a run knows: sizes, deadline, ceilings, the peers that are there, and the lines so far."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import vecinal

import datasets  # of benchmarks/peers
from table import Line
from timing import Deadline


@dataclass(frozen=True)
class Sizes:
    """How large a run is."""

    small_dim: int = 128
    large_dim: int = 768
    rows: int = 1_000_000
    queries: int = 10_000  # of a batch
    known: int = 2_000  # queries whose truth is known
    scanned: int = 10_000  # queries of a batch that is compared with every row
    alone: int = 64  # queries that are asked one call at a time
    sets: int = 10_000  # of vectors
    set_vectors: int = 300
    compared: int = 50_000  # rows of a graph that the device and the CPU build
    build_beam: int = 100
    beams: tuple[int, ...] = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
    repeats: int = 5

    @property
    def name(self) -> str:
        return f"{self.rows:,} rows, {self.queries:,} queries"


DEGREE = 32  # links of a node
FULL = Sizes()
FEW_CORES = Sizes(rows=200_000)  # graphs are built by the CPU
QUICK = Sizes(rows=100_000, known=1_000, scanned=1_000, sets=2_000, compared=20_000, build_beam=60,
              repeats=3)
TINY = Sizes(small_dim=16, large_dim=40, rows=400, queries=24, known=16, scanned=8, alone=3,
             sets=64, set_vectors=9, compared=200, build_beam=20, beams=(10, 20, 40), repeats=1)


def config_of(rows: str) -> dict[str, Any]:
    """What an index is told of its rows: "lvq8", "lvq4x8", "pca128+lvq8", "fused+lvq8x8"."""
    *parts, encoding = rows.split("+")
    config: dict[str, Any] = {"encoding": encoding}
    for part in parts:
        if part == "fused":
            config["layout"] = "fused"
        else:
            config |= {"reduce": "pca", "reduced_dim": int(part.removeprefix("pca"))}
    return config


def row_bytes(rows: str, dim: int) -> int:
    """Bytes of a row that is walked, dim dimensions before a reduction, but for its tail."""
    config = config_of(rows)
    dim = config.get("reduced_dim", dim)
    sizes = {"f32": 4 * dim, "f16": 2 * dim, "lvq8": dim + 8, "lvq4": dim // 2 + 8}
    return sizes[config["encoding"].split("x")[0]]


def tail_bytes(rows: str, dim: int) -> int:
    """What lies behind a fused row: signs, offsets and factors of its neighbours; else 0."""
    config = config_of(rows)
    dim = config.get("reduced_dim", dim)
    return DEGREE * (dim // 8 + 3) + 8 if config.get("layout") == "fused" else 0


def ranked_bytes(rows: str, dim: int) -> int:
    """Bytes of a row that ranks, of all levels; 0 where walked rows rank."""
    config = config_of(rows)
    if "reduce" in config:
        return row_bytes(config["encoding"], dim)
    first, _, second = config["encoding"].partition("x")
    return row_bytes(first, dim) + row_bytes("lvq" + second, dim) if second else 0


@dataclass
class Bench:
    k: int
    sizes: Sizes
    deadline: Deadline
    ceilings: Mapping[str, Any]
    usable: Mapping[str, str]  # peers: package -> version
    missing: dict[str, str]  # what could not be measured: why
    lines: list[Line] = field(default_factory=list)
    built: dict[str, float] = field(default_factory=dict)  # seconds
    known: dict[int, tuple[datasets.Dataset, vecinal.Index]] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        self.lines.append(line)
        log("  " + "  ".join(cell for cell in line.cells()[:6] if cell))

    def read_floor(self, bytes_: float) -> float | None:
        """Seconds in which so many bytes can be read in order."""
        rate = self.ceilings.get("bytes_a_second", {}).get("read")
        return bytes_ / rate if rate else None

    def gather_floor(self, rows: float, bytes_: int) -> float | None:
        """Seconds in which so many rows at random places can be read."""
        rates = {int(size): rate for size, rate in
                 self.ceilings.get("gather_bytes_a_second", {}).items()}
        if not rates:
            return None
        nearest = min(rates, key=lambda size: abs(size - bytes_))
        return rows * bytes_ / rates[nearest]

    def product_floor(self, operations: float) -> float | None:
        """Seconds of so many operations of a bf16 matrix product."""
        rate = self.ceilings.get("product_operations_a_second", {}).get("bf16")
        return operations / rate if rate else None

    def graph(self, name: str, base: np.ndarray, metric: str, encoding: str,
              device: str = "cuda") -> vecinal.Index:
        """An index of a graph; `built` keeps how long building took, by name, encoding, device."""
        what = f"{name}, {encoding}, {device}"
        start = time.perf_counter()
        index = vecinal.Index(base.shape[1], metric=metric, degree=DEGREE, device=device,
                              build_beam=self.sizes.build_beam, **config_of(encoding))
        index.add(base)
        self.built[what] = time.perf_counter() - start
        log(f"  graph over {what}: built in {self.built[what]:.1f} s")
        return index


def guarded(missing: dict[str, str], name: str, work: Callable[[], Any]) -> Any:
    """What work() returns; None, and why in `missing`, if it raises: a peer's fault is its own."""
    try:
        return work()
    except Exception as fault:
        missing[name] = f"{type(fault).__name__}: {fault}"
        log(f"  {name}: {missing[name]}")
        return None


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
