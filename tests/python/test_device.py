"""Indexes on a CUDA device; with VECINAL_CUDA_LIBRARY the emulated one that the C++ tests build."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import vecinal

rng = np.random.default_rng(5)
X = rng.standard_normal((400, 24), dtype=np.float32)
Q = rng.standard_normal((9, 24), dtype=np.float32)


def no_device() -> bool:
    try:
        vecinal.Index(4, device="cuda")
    except vecinal.CudaError:
        return True
    return False


needs_device = pytest.mark.skipif(no_device(), reason="no CUDA device")


@pytest.mark.skipif("VECINAL_CUDA_LIBRARY" in os.environ or not no_device(), reason="there is a device")
def test_without_a_device_the_error_says_what_is_missing() -> None:
    with pytest.raises(vecinal.CudaError, match="libvecinal_cuda|CUDA"):
        vecinal.Index(4, device="cuda")
    assert vecinal.show_config()["cuda"]


def test_names_of_devices_are_checked() -> None:
    with pytest.raises(ValueError, match='device: "gpu" is unknown; use one of "cpu", "cuda"'):
        vecinal.Index(4, device="gpu")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="device must be a str"):
        vecinal.Index(4, device=0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="device must be a str"):
        vecinal.load(b"", device=1)  # type: ignore[arg-type]
    assert vecinal.Index(4).config["device"] == "cpu"


@needs_device
@pytest.mark.parametrize("encoding", ["lvq8", "lvq4x8"])
def test_codes_give_the_answers_of_the_cpu(encoding: str) -> None:
    index = vecinal.Index(24, encoding=encoding, build_beam=40)
    index.add(X)
    moved = vecinal.load(bytes(index), device="cuda")
    assert moved.config["device"] == "cuda"
    for options in ({}, {"beam": 30}, {"exact": True}, {"filter": np.arange(0, 400, 7)}):
        here, there = index.search(Q, k=5, **options), moved.search(Q, k=5, **options)
        np.testing.assert_array_equal(here.ids, there.ids)
        np.testing.assert_array_equal(here.distances, there.distances)
    assert moved.stats()["bytes_device"] > 0


@needs_device
def test_an_index_lives_on_a_device() -> None:
    index = vecinal.Index(24, build_beam=40, device="cuda")
    ids = index.add(X[:300])
    assert index.search(X[7], k=1, beam=40).ids[0] == 7
    index.remove(ids[:10])
    assert index.search(X[7], k=1, beam=40).ids[0] != 7
    more = index.add(X[300:])
    assert index.search(X[350], k=1, beam=60).ids[0] == more[50]


class OnCard:
    """An array on a GPU, as far as vecinal looks at it."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values
        self.__cuda_array_interface__ = {"shape": values.shape, "version": 3}


class Cupy(OnCard):
    def get(self) -> np.ndarray:
        return self._values


class Torch(OnCard):
    def detach(self) -> Torch:
        return self

    def cpu(self) -> np.ndarray:
        return self._values


@pytest.mark.parametrize("library", [Cupy, Torch])
def test_arrays_on_a_gpu_are_copied_to_the_host(library: type[OnCard]) -> None:
    index = vecinal.Index(24, build_beam=40)
    ids = index.add(library(X))
    np.testing.assert_array_equal(index.search(library(Q), k=3).ids, index.search(Q, k=3).ids)
    assert index.remove(library(ids[:2])) == 2


def test_answers_are_where_the_queries_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that stands for torch: its tensors say where they are."""

    class Tensor(Torch):
        device = "cuda:1"

        def to(self, device: str) -> Tensor:
            self.placed = device
            return self

    Tensor.__module__ = "torch"
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(from_numpy=Tensor))
    index = vecinal.Index(24, build_beam=40)
    index.add(X)
    ids, distances = index.search(Tensor(Q), k=3)
    assert isinstance(ids, Tensor) and isinstance(distances, Tensor)
    assert ids.placed == distances.placed == "cuda:1"
    expected = index.search(Q, k=3)
    np.testing.assert_array_equal(ids.cpu(), expected.ids)
    np.testing.assert_array_equal(distances.cpu(), expected.distances)
    assert isinstance(expected.ids, np.ndarray)


@needs_device
def test_rows_without_room_pass_through_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rng.standard_normal((3000, 24), dtype=np.float32)
    index = vecinal.Index(24, encoding="lvq8", device="cuda")
    index.add(rows)
    expected = index.search(Q, k=5, exact=True)
    index = vecinal.load(bytes(index), device="cuda")
    monkeypatch.setenv("VECINAL_EMULATION_MEMORY", "20000")  # a card does not look at it
    found = index.search(Q, k=5, exact=True)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.distances, expected.distances)
    if "emulated" in os.environ.get("VECINAL_CUDA_LIBRARY", ""):
        with pytest.raises(vecinal.CudaError, match="bytes asked"):
            index.search(Q, k=5)


def test_an_array_on_a_gpu_that_cannot_be_copied_is_refused() -> None:
    with pytest.raises(TypeError, match="OnCard has no way to the host"):
        vecinal.Index(24).add(OnCard(X))


@needs_device
def test_sets_give_the_answers_of_the_cpu() -> None:
    sets = [rng.standard_normal((n % 5 + 1, 12), dtype=np.float32) for n in range(60)]
    small = {"k_sim": 2, "repetitions": 4}
    index = vecinal.Index(12, metric="chamfer", fde=small, encoding="lvq8", build_beam=30)
    index.add(sets)
    moved = vecinal.load(bytes(index), device="cuda")
    for options in ({}, {"exact": True}, {"candidates": 30}):
        here, there = index.search(sets[:3], k=4, **options), moved.search(sets[:3], k=4, **options)
        np.testing.assert_array_equal(here.ids, there.ids)
        np.testing.assert_allclose(here.distances, there.distances, rtol=1e-5, atol=1e-5)
    moved.add(sets[:2])
    assert moved.search([sets[1]], k=2).ids[0].tolist() == [1, 61]
    assert moved.stats()["bytes_device"] > 0
