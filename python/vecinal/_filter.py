"""Which items a search may return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._inputs import as_ids, to_numpy
from ._labels import as_label_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Union

    from numpy.typing import ArrayLike, NDArray

    FilterLike = Union["Combinable", ArrayLike, Iterable[int], Callable[[int], bool]]

_WORD = np.dtype(np.uint64)


class Combinable:
    """A filter that goes together with others, of any kind, by ``&``, ``|`` and ``~``."""

    __slots__ = ()
    __array_ufunc__ = None  # arrays leave the operators to this class

    def _form(self) -> Any:
        """What C++ takes, see `as_filter`."""
        raise NotImplementedError

    def __and__(self, other: FilterLike) -> Combinable:
        return _Joined("and", self, other)

    def __or__(self, other: FilterLike) -> Combinable:
        return _Joined("or", self, other)

    def __rand__(self, other: FilterLike) -> Combinable:
        return _Joined("and", other, self)

    def __ror__(self, other: FilterLike) -> Combinable:
        return _Joined("or", other, self)

    def __invert__(self) -> Combinable:
        return _Joined("not", self)


class _Joined(Combinable):
    __slots__ = ("_how", "_parts")

    def __init__(self, how: str, *parts: FilterLike) -> None:
        self._how = how
        self._parts = tuple(map(as_filter, parts))

    def _form(self) -> Any:
        return (self._how, *self._parts)

    def __repr__(self) -> str:
        return f"<filter: {self._how} of {len(self._parts)}>"


class _Labels(Combinable):
    __slots__ = ("_labels",)

    def __init__(self, labels: NDArray[np.int64]) -> None:
        self._labels = labels

    def _form(self) -> Any:
        return ("label", self._labels)

    def __repr__(self) -> str:
        return f"vecinal.label({self._labels.tolist()})"


def label(*labels: int) -> Combinable:
    """A filter of the items that have one of the labels or more, see `Index.add`.

    It goes together with other filters: ``label(2024, 2025) & ~label(7) & mask``.

    Parameters
    ----------
    *labels : int
        -2**63 .. 2**63 - 1. None at all allow nothing.

    Raises
    ------
    TypeError
        A label that is not an integer.
    """
    return _Labels(as_label_array(labels, "label"))


class Bitmap(Combinable):
    """One bit an id, packed: bit ``i % 64`` of word ``i // 64`` allows the id `i`.

    An array of integers given as a filter is a list of ids, so a packed bitmap is wrapped in this
    class.

    Parameters
    ----------
    words : array_like of uint64 or uint32, shape (w,)
        The words, least significant bit first. Ids past the last word are not allowed.

    Raises
    ------
    TypeError
        If `words` has another dtype.
    ValueError
        If `words` is not one-dimensional.
    """

    __slots__ = ("words",)

    words: NDArray[np.uint64]

    def __init__(self, words: ArrayLike) -> None:
        array = to_numpy(words, "Bitmap")
        if array.dtype.kind != "u" or array.dtype.itemsize not in (4, 8):
            raise TypeError(f"Bitmap takes words of dtype uint64 or uint32, got {array.dtype}")
        if array.ndim != 1:
            raise ValueError(
                f"Bitmap takes a one-dimensional array of words, got the shape {array.shape}"
            )
        if array.dtype.itemsize == 4:
            halves = np.append(array, np.zeros(array.size % 2, np.uint32)).astype("<u4").view("<u8")
            array = halves
        self.words = np.require(array, dtype=_WORD, requirements=["C", "A"])

    @classmethod
    def from_mask(cls, mask: ArrayLike) -> Bitmap:
        """Pack a mask: ``mask[i]`` allows the id `i`; ids past its end are not allowed.

        Parameters
        ----------
        mask : array_like of bool, shape (m,)
            A search packs its mask at every call; a Bitmap is packed once.
        """
        array = to_numpy(mask, "filter")
        if array.dtype != np.bool_:
            raise TypeError(f"a mask must be of dtype bool, got {array.dtype}")
        if array.ndim != 1:
            raise ValueError(
                f"a mask must be one-dimensional, one for the whole batch: got {array.shape}"
            )
        packed = np.packbits(array, bitorder="little")
        return cls(np.append(packed, np.zeros(-packed.size % 8, np.uint8)).view("<u8"))

    def _form(self) -> Any:
        return self.words

    def __repr__(self) -> str:
        return f"vecinal.Bitmap({self.words.size} words)"


def _is_bool(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def as_filter(allowed: FilterLike | None) -> Any:
    """Return what C++ tells apart.

    None, int64 ids, the uint64 words of a bitmap, a callable, or a tuple: ("label", int64 labels),
    ("and", a, b), ("or", a, b), ("not", a).
    """
    if allowed is None:
        return None
    if isinstance(allowed, Combinable):
        return allowed._form()
    if callable(allowed):
        return allowed
    if (
        getattr(allowed, "dtype", None) == np.bool_
        or str(getattr(allowed, "dtype", "")) == "torch.bool"
    ):
        return Bitmap.from_mask(to_numpy(allowed, "filter")).words
    if isinstance(allowed, (list, tuple)) and allowed and all(map(_is_bool, allowed)):
        return Bitmap.from_mask(to_numpy(allowed, "filter")).words
    return as_ids(allowed, "filter")
