"""
The C++ side of vecinal.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['Cancelled', 'CudaError', 'FdeEncoder', 'FormatError', 'Index', 'LoggedIndex', 'MemoryLimit', 'NotTrained', 'build', 'info', 'load_bytes', 'load_file', 'open_file', 'simd', 'version']
class NotTrained(RuntimeError):
    """
    The operation needs a trained index: call train() or add() first.
    """
class FormatError(RuntimeError):
    """
    A file or byte string is not a sound vecinal index; the message names the section.
    """
class CudaError(RuntimeError):
    """
    A GPU is missing, cannot be used, or failed; the message says what.
    """
class MemoryLimit(MemoryError):
    """
    An add would take more than memory_limit; nothing has changed.
    """
class Cancelled(RuntimeError):
    """
    A progress callable asked to stop; the index is as it was.
    """
class Index:
    """
    An index as C++ sees it; vecinal.Index is the class to use.
    """
    def __init__(self, config: dict[str, typing.Any]) -> None:
        ...
    def add(self, items: numpy.typing.NDArray[numpy.float32], offsets: numpy.typing.NDArray[numpy.int64] | None, ids: numpy.typing.NDArray[numpy.int64] | None, labels: numpy.typing.NDArray[numpy.int64] | None, label_offsets: numpy.typing.NDArray[numpy.int64] | None, progress: typing.Any) -> numpy.typing.NDArray[numpy.int64]:
        ...
    def check(self) -> list[str]:
        ...
    def compact(self) -> None:
        ...
    def config(self) -> dict[str, typing.Any]:
        ...
    def contains(self, id: typing.SupportsInt | typing.SupportsIndex) -> bool:
        ...
    def defaults(self) -> dict[str, typing.Any]:
        ...
    def fit_queries(self, queries: numpy.typing.NDArray[numpy.float32], offsets: numpy.typing.NDArray[numpy.int64] | None, beam: typing.SupportsInt | typing.SupportsIndex, neighbors: typing.SupportsInt | typing.SupportsIndex, progress: typing.Any) -> dict[str, typing.Any]:
        ...
    def get(self, id: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
        ...
    def ids(self) -> numpy.typing.NDArray[numpy.int64]:
        ...
    def labels(self, id: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.int64]:
        ...
    def remove(self, ids: numpy.typing.NDArray[numpy.int64]) -> int:
        ...
    def rerank(self, queries: numpy.typing.NDArray[numpy.float32], offsets: numpy.typing.NDArray[numpy.int64] | None, candidates: numpy.typing.NDArray[numpy.int64], k: typing.SupportsInt | typing.SupportsIndex, carving: typing.SupportsFloat | typing.SupportsIndex, threads: typing.SupportsInt | typing.SupportsIndex, progress: typing.Any, one: bool) -> tuple[numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.float32], numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.bool] | None, tuple[int, int, int, int, int, str]]:
        ...
    def retrain(self, queries: numpy.typing.NDArray[numpy.float32] | None, offsets: numpy.typing.NDArray[numpy.int64] | None, progress: typing.Any) -> None:
        ...
    def save(self, path: bytes) -> None:
        ...
    def search(self, queries: numpy.typing.NDArray[numpy.float32], offsets: numpy.typing.NDArray[numpy.int64] | None, k: typing.SupportsInt | typing.SupportsIndex, recall: typing.SupportsFloat | typing.SupportsIndex, beam: typing.SupportsInt | typing.SupportsIndex, rerank: typing.SupportsInt | typing.SupportsIndex, gamma: typing.SupportsFloat | typing.SupportsIndex, reduced_dim: typing.SupportsInt | typing.SupportsIndex, candidates: typing.SupportsInt | typing.SupportsIndex, carving: typing.SupportsFloat | typing.SupportsIndex, filter: typing.Any, plan: str, timeout: typing.SupportsInt | typing.SupportsIndex, exact: bool, threads: typing.SupportsInt | typing.SupportsIndex, progress: typing.Any, one: bool) -> tuple[numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.float32], numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.bool] | None, tuple[int, int, int, int, int, str]]:
        ...
    def set_defaults(self, beam: typing.SupportsInt | typing.SupportsIndex, rerank: typing.SupportsInt | typing.SupportsIndex, candidates: typing.SupportsInt | typing.SupportsIndex, gamma: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
    def set_labels(self, ids: numpy.typing.NDArray[numpy.int64], labels: numpy.typing.NDArray[numpy.int64] | None, label_offsets: numpy.typing.NDArray[numpy.int64] | None) -> None:
        ...
    def size(self) -> int:
        ...
    def stats(self) -> dict[str, typing.Any]:
        ...
    def to_bytes(self) -> bytes:
        ...
    def train(self, sample: numpy.typing.NDArray[numpy.float32], sample_offsets: numpy.typing.NDArray[numpy.int64] | None, queries: numpy.typing.NDArray[numpy.float32] | None, query_offsets: numpy.typing.NDArray[numpy.int64] | None) -> None:
        ...
    def tune(self, queries: numpy.typing.NDArray[numpy.float32], offsets: numpy.typing.NDArray[numpy.int64] | None, recall: typing.SupportsFloat | typing.SupportsIndex, k: typing.SupportsInt | typing.SupportsIndex) -> dict[str, typing.Any]:
        ...
    def update(self, ids: numpy.typing.NDArray[numpy.int64], items: numpy.typing.NDArray[numpy.float32], offsets: numpy.typing.NDArray[numpy.int64] | None, progress: typing.Any) -> None:
        ...
class LoggedIndex(Index):
    """
    An index with a log; vecinal.LoggedIndex is the class to use.
    """
    def checkpoint(self) -> None:
        ...
    def close(self) -> None:
        ...
    def flush(self) -> None:
        ...
    def log(self) -> dict[str, typing.Any]:
        ...
class FdeEncoder:
    """
    An encoder as C++ sees it; vecinal.FdeEncoder is the class to use.
    """
    def __init__(self, dim: typing.SupportsInt | typing.SupportsIndex, params: dict[str, typing.Any], seed: typing.SupportsInt | typing.SupportsIndex, threads: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def encode_documents(self, documents: numpy.typing.NDArray[numpy.float32], offsets: numpy.typing.NDArray[numpy.int64] | None) -> numpy.typing.NDArray[numpy.float32]:
        ...
    def encode_queries(self, queries: numpy.typing.NDArray[numpy.float32], offsets: numpy.typing.NDArray[numpy.int64] | None) -> numpy.typing.NDArray[numpy.float32]:
        ...
    def encoded_dim(self) -> int:
        ...
    def mean(self) -> numpy.typing.NDArray[numpy.float32]:
        ...
    def set_mean(self, values: numpy.typing.NDArray[numpy.float32]) -> None:
        ...
    def train(self, documents: numpy.typing.NDArray[numpy.float32], offsets: numpy.typing.NDArray[numpy.int64] | None) -> dict[str, typing.Any]:
        ...
def build() -> dict[str, typing.Any]:
    """
    Version, instruction sets, threads and compiler.
    """
def info(path: bytes) -> dict[str, typing.Any]:
    """
    What a file says of itself, read without loading it.
    """
def load_bytes(data: numpy.typing.NDArray[numpy.uint8], verify: bool, threads: typing.SupportsInt | typing.SupportsIndex, device: str) -> Index:
    ...
def load_file(path: bytes, mmap: bool, verify: bool, threads: typing.SupportsInt | typing.SupportsIndex, device: str) -> Index:
    ...
def open_file(path: bytes, config: dict[str, typing.Any], sync: bool, mmap: bool, verify: bool, progress: typing.Any) -> LoggedIndex:
    ...
def simd() -> str:
    """
    The instruction set in use.
    """
def version() -> str:
    ...
