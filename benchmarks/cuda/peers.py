"""Other libraries on the same card and data: torch, flashlib, cuVS, late-interaction-kernels; those
that can be imported.

All of them take l2 and rows on the device (unit rows stand for cosine, whose order is the same).
Their queries are on the device before the clock starts and their answers stay there; vecinal's come
from the host and go back to it, which its times include.
"""

from __future__ import annotations

import importlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

DEVICE = "cuda"
PIECE_BYTES = 2 << 30  # of a matrix of scores
PACKAGES = ("torch", "flashlib", "cuvs", "late_interaction_kernels")


def versions() -> tuple[dict[str, str], dict[str, str]]:
    """({package: version} of those that can be used, {package: why not})."""
    found, missing = {}, {}
    for package in PACKAGES:
        try:
            module = importlib.import_module(package)
            if package == "torch" and not module.cuda.is_available():
                raise ImportError("torch sees no CUDA device")
            if package != "torch" and "torch" not in found:
                raise ImportError("it needs torch here")
            found[package] = getattr(module, "__version__", "?")
        except Exception as fault:  # a broken package raises what it likes
            missing[package] = f"{type(fault).__name__}: {fault}"
    return found, missing


class Peer:
    """A library's search over one set: calls return when the ids are there, on the device."""

    name = ""
    settings: tuple[int, ...] = (0,)  # the efforts worth trying

    def __init__(self, base: np.ndarray) -> None:
        import torch

        self.torch = torch
        start = time.perf_counter()
        self.build(torch.as_tensor(base, device=DEVICE))
        self.wait()
        self.build_seconds = time.perf_counter() - start

    def build(self, rows: Any) -> None:
        raise NotImplementedError

    def find(self, queries: Any, k: int, setting: int, **options: Any) -> Any:
        raise NotImplementedError

    def put(self, queries: np.ndarray) -> Any:
        """The queries as `find` takes them."""
        return self.torch.as_tensor(queries, device=DEVICE)

    def wait(self) -> None:
        self.torch.cuda.synchronize()

    def call(self, queries: np.ndarray, k: int, setting: int = 0,
             **options: Any) -> Callable[[], Any]:
        on_device = self.put(queries)

        def search() -> Any:
            ids = self.find(on_device, k, setting, **options)
            self.wait()
            return ids

        return search

    def ids(self, found: Any) -> np.ndarray:
        """What a call returned, on the host."""
        if hasattr(found, "copy_to_host"):  # the arrays of cuVS
            return found.copy_to_host().astype(np.int64)
        return self.torch.as_tensor(found, device=DEVICE).cpu().numpy().astype(np.int64)


class TorchProduct(Peer):
    """A matrix product and topk, in pieces whose scores fit the memory."""

    kind = ""

    def build(self, rows: Any) -> None:
        self.rows = self.cast(rows)
        self.norms = self.cast(rows.square().sum(1))

    def cast(self, values: Any) -> Any:
        return values.to(self.torch.bfloat16) if self.kind == "bf16" else values

    def put(self, queries: np.ndarray) -> Any:
        return self.cast(super().put(queries))

    def find(self, queries: Any, k: int, setting: int, **options: Any) -> Any:
        torch = self.torch
        torch.backends.cuda.matmul.allow_tf32 = self.kind == "tf32"
        piece = max(1, PIECE_BYTES // (len(self.rows) * self.rows.element_size()))
        return torch.cat([
            torch.topk(torch.addmm(self.norms, part, self.rows.T, alpha=-2), k,
                       largest=False).indices
            for part in queries.split(piece)])


class TorchBf16(TorchProduct):
    name, kind = "torch bf16", "bf16"


class TorchTf32(TorchProduct):
    name, kind = "torch tf32", "tf32"


class FlashKnn(Peer):
    """flashlib's fused exact search, over bf16 rows."""

    name = "flashlib knn"

    def build(self, rows: Any) -> None:
        self.rows = rows.to(self.torch.bfloat16)

    def put(self, queries: np.ndarray) -> Any:
        return super().put(queries).to(self.torch.bfloat16)

    def find(self, queries: Any, k: int, setting: int, **options: Any) -> Any:
        from flashlib import flash_knn

        return flash_knn(queries, self.rows, k, return_distances=False)


class CuvsExact(Peer):
    """cuVS brute_force over f16 rows."""

    name = "cuvs brute_force"

    def build(self, rows: Any) -> None:
        from cuvs.neighbors import brute_force

        self.rows = rows.half()
        self.index = brute_force.build(self.rows, metric="sqeuclidean")

    def put(self, queries: np.ndarray) -> Any:
        return super().put(queries).half()

    def find(self, queries: Any, k: int, setting: int, **options: Any) -> Any:
        from cuvs.neighbors import brute_force

        return brute_force.search(self.index, queries, k)[1]


class FlashCagra(Peer):
    """flashlib's graph search; every setting is compiled anew, so there are few."""

    name = "flashlib cagra"
    settings = (32, 64, 128, 192, 256)

    def build(self, rows: Any) -> None:
        from flashlib import flash_cagra_build

        self.index = flash_cagra_build(rows, graph_degree=32)

    def find(self, queries: Any, k: int, setting: int, **options: Any) -> Any:
        from flashlib import flash_cagra_search

        return flash_cagra_search(self.index, queries, k, itopk_size=setting)[1]


class CuvsCagra(Peer):
    name = "cuvs cagra"
    settings = (16, 32, 64, 96, 128, 192, 256)

    def build(self, rows: Any) -> None:
        from cuvs.neighbors import cagra

        self.rows = rows
        self.index = cagra.build(cagra.IndexParams(metric="sqeuclidean", graph_degree=32,
                                                   intermediate_graph_degree=64), rows)

    def find(self, queries: Any, k: int, setting: int, **options: Any) -> Any:
        from cuvs.neighbors import cagra

        return cagra.search(cagra.SearchParams(itopk_size=max(setting, k)), self.index, queries, k,
                            **options)[1]

    def allowed(self, mask: np.ndarray) -> Any:
        """The option `filter` of call(): only rows whose mask is True are found."""
        from cuvs.neighbors import filters

        padded = np.pad(mask, (0, -len(mask) % 32))
        words = np.packbits(padded, bitorder="little").view(np.int32)
        return filters.from_bitset(
            self.torch.as_tensor(words, device=DEVICE).view(self.torch.uint32))


class FlashIvf(Peer):
    """flashlib's inverted lists: its choice for high recall of batches."""

    name = "flashlib ivf_flat"
    settings = (8, 16, 32, 64, 128)  # lists read

    def build(self, rows: Any) -> None:
        from flashlib import flash_ivf_flat_build

        self.index = flash_ivf_flat_build(rows, max(16, int(len(rows) ** 0.5)))

    def find(self, queries: Any, k: int, setting: int, **options: Any) -> Any:
        from flashlib import flash_ivf_flat_search

        return flash_ivf_flat_search(self.index, queries, k, nprobe=setting)[1]


class LateInteraction(Peer):
    """late-interaction-kernels: MaxSim of sets of one size, bf16."""

    name = "late-interaction-kernels"

    def build(self, rows: Any) -> None:
        self.rows = rows.to(self.torch.bfloat16)

    def put(self, queries: np.ndarray) -> Any:
        return super().put(queries).to(self.torch.bfloat16)

    def find(self, queries: Any, k: int, setting: int, **options: Any) -> Any:
        from late_interaction_kernels import retrieve

        return retrieve(queries, self.rows, k, normalize=False)[1]


Kinds = Mapping[str, tuple[type[Peer], ...]]  # of a package
EXACT: Kinds = {"torch": (TorchBf16, TorchTf32), "flashlib": (FlashKnn,), "cuvs": (CuvsExact,)}
GRAPHS: Kinds = {"flashlib": (FlashCagra,), "cuvs": (CuvsCagra,)}
SETS: Kinds = {"late_interaction_kernels": (LateInteraction,)}
HIGH_RECALL: Kinds = {"flashlib": (FlashCagra, FlashIvf), "cuvs": (CuvsCagra,)}


def made(kinds: Kinds, usable: Mapping[str, str], base: np.ndarray,
         faults: dict[str, str]) -> Iterator[Peer]:
    """The peers of the usable packages, built; why others are not goes to `faults`."""
    for package, classes in kinds.items():
        for kind in classes if package in usable else ():
            try:
                yield kind(base)
            except Exception as fault:  # whatever a peer raises is its own failure
                faults[kind.name] = f"{type(fault).__name__}: {fault}"


def in_turn(peer: Peer, queries: np.ndarray, k: int, batch: int,
            setting: int = 0) -> Callable[[], Any]:
    """A call that asks the next `batch` queries each time, round and round."""
    calls = itertools.cycle([peer.call(queries[first:first + batch], k, setting)
                             for first in range(0, len(queries) - batch + 1, batch)])
    return lambda: next(calls)()
