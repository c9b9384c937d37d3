"""The keywords that make an index, as C++ takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._fde import fde_params
from ._inputs import UINT32_MAX, as_integer, as_optional

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = (
    "metric",
    "encoding",
    "reduce",
    "quantizer",
    "keep",
    "tokens",
    "layout",
    "graph",
    "order",
    "device",
)
_COUNTS = ("reduced_dim", "pooling", "degree", "build_beam", "threads")


def config_record(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of `Index`, checked for their types, as C++ takes them."""
    names = {}
    for name in _NAMES:
        value = given[name]
        if value is None and name in ("reduce", "keep", "graph"):
            value = "none"
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a str, got {value!r}")
        names[name] = value
    numbers = {
        name: (as_optional if name == "reduced_dim" else as_integer)(
            name, given[name], 0, UINT32_MAX
        )
        for name in _COUNTS
    }
    numbers["memory_limit"] = as_integer("memory_limit", given["memory_limit"], 0, (1 << 63) - 1)
    numbers["seed"] = as_integer("seed", given["seed"], 0, (1 << 64) - 1)
    if given["fde"] is not None and names["metric"] != "chamfer":
        raise ValueError(f'fde goes with the metric "chamfer", got {names["metric"]!r}')
    return {**names, **numbers, "dim": given["dim"], "fde": fde_params(given["fde"] or {})}
