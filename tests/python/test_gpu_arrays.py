"""Sets that are on a GPU are encoded there; a library of numpy arrays stands for torch.

With VECINAL_CUDA_LIBRARY the emulated device that the C++ tests build, whose memory is the host's.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, Callable

import numpy as np
import pytest
import vecinal

DIM = 32


def no_emulation() -> bool:
    return vecinal.show_config()["cuda"] != "emulation"


pytestmark = pytest.mark.skipif(no_emulation(), reason="no emulated device")


class Tensor:
    """A tensor on the first GPU."""

    def __init__(self, values: np.ndarray, device: int = 0) -> None:
        self.values = values
        self.shape = values.shape
        self.device = SimpleNamespace(index=device)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.values.dtype.str,
            "data": (self.values.ctypes.data, False),
            "strides": None if self.values.flags.c_contiguous else self.values.strides,
            "version": 3,
        }

    def detach(self) -> Tensor:
        return self

    def to(self, dtype: Any) -> Tensor:
        return Tensor(self.values.astype(dtype, copy=False), self.device.index)

    def contiguous(self) -> Tensor:
        return Tensor(np.ascontiguousarray(self.values), self.device.index)

    def cpu(self) -> np.ndarray:
        return self.values


Tensor.__module__ = "torch"


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    module = SimpleNamespace(
        float32=np.float32,
        cuda=SimpleNamespace(
            current_device=lambda: 0, current_stream=lambda: SimpleNamespace(cuda_stream=0)
        ),
        empty=lambda shape, dtype, device: Tensor(np.full(shape, np.nan, dtype), device.index),
        cat=lambda tensors: Tensor(np.concatenate([one.values for one in tensors])),
    )
    monkeypatch.setitem(sys.modules, "torch", module)
    return module


def encoder() -> vecinal.FdeEncoder:
    return vecinal.FdeEncoder(DIM, k_sim=3, repetitions=4, seed=2)


def unit(shape: tuple[int, ...], seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def same(found: Any, expected: np.ndarray) -> None:
    assert isinstance(found, Tensor)
    np.testing.assert_array_equal(found.values, expected)


def test_encodings_are_where_the_sets_are() -> None:
    sets = unit((7, 5, DIM), 1)
    made = encoder()
    same(made.encode_documents(Tensor(sets)), made.encode_documents(sets))
    same(made.encode_queries(Tensor(sets)), made.encode_queries(sets))
    rows, offsets = sets.reshape(-1, DIM), [0, 1, 20, 20, 35]
    same(
        made.encode_documents(Tensor(rows), offsets=offsets),
        made.encode_documents(rows, offsets=offsets),
    )
    ragged = [rows[:9], rows[9:10], rows[10:]]
    same(made.encode_queries([Tensor(one) for one in ragged]), made.encode_queries(ragged))


def test_other_types_and_layouts_are_converted_there() -> None:
    sets = unit((4, 6, DIM), 2)
    made = encoder()
    halves = sets.astype(np.float16)
    same(made.encode_queries(Tensor(halves)), made.encode_queries(halves))
    turned = np.asfortranarray(sets)
    same(made.encode_queries(Tensor(turned)), made.encode_queries(sets))


def test_what_is_learned_is_seen() -> None:
    sets = unit((9, 5, DIM), 3) + 1
    made = encoder()
    before = made.encode_documents(Tensor(sets)).values
    made.train(sets)
    after = made.encode_documents(Tensor(sets))
    same(after, made.encode_documents(sets))
    assert (after.values != before).any()
    made.mean = np.zeros(DIM)
    same(made.encode_documents(Tensor(sets)), before)


def test_faults_are_named() -> None:
    sets = unit((4, 6, DIM), 4)
    sets[2, 5, 31] = np.nan
    with pytest.raises(ValueError, match="fde: vector 5 of set 2 has a value that is not finite"):
        encoder().encode_documents(Tensor(sets))
    with pytest.raises(ValueError, match="fde: offsets must go from 0 to 24"):
        encoder().encode_documents(Tensor(sets.reshape(-1, DIM)), offsets=[0, 23])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda sets: Tensor(sets[0]),
        lambda sets: Tensor(sets[:, :, 1:].copy()),
        lambda sets: [Tensor(sets[0]), Tensor(sets[0, 0])],
        lambda sets: [],
    ],
)
def test_other_shapes_are_refused_as_on_the_host(
    wrong: Callable[[np.ndarray], Any],
) -> None:
    sets = wrong(unit((3, 6, DIM), 5))

    def outcome(values: Any) -> Any:
        try:
            return encoder().encode_queries(values).shape
        except ValueError as error:
            return str(error)

    on_host = [one.values for one in sets] if isinstance(sets, list) else sets.values
    assert outcome(sets) == outcome(on_host)


def test_sets_of_another_gpu_are_encoded_on_the_host() -> None:
    sets = unit((3, 6, DIM), 6)
    found = encoder().encode_queries(Tensor(sets, device=1))
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, encoder().encode_queries(sets))


def test_without_a_device_sets_are_encoded_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(encoder: Any) -> None:
        raise vecinal.CudaError("no CUDA device can be used")

    monkeypatch.setattr("vecinal._core.DeviceFdeEncoder", fail)
    sets = unit((3, 6, DIM), 7)
    found = encoder().encode_queries(Tensor(sets))
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, encoder().encode_queries(sets))


def test_tensors_that_need_a_gradient_are_taken() -> None:
    """torch refuses the interface to those, so they are detached first."""

    class Learning(Tensor):
        @property
        def __cuda_array_interface__(self) -> dict[str, Any]:
            raise RuntimeError("Can't get __cuda_array_interface__ on Variable that requires grad")

        def detach(self) -> Tensor:
            return Tensor(self.values)

    Learning.__module__ = "torch"
    sets = unit((3, 6, DIM), 8)
    same(encoder().encode_queries(Learning(sets)), encoder().encode_queries(sets))
    index = vecinal.Index(DIM, build_beam=40)
    assert len(index.add(Learning(sets[0]))) == 6
