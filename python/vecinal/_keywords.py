"""Unknown keywords are answered with the name that vecinal uses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

_Call = TypeVar("_Call", bound=Callable[..., Any])

# What hnswlib, faiss, usearch and voyager call it -> what vecinal calls it.
_ANSWERS = {
    "M": "vecinal calls it degree (= 2 * M)",
    "connectivity": "vecinal calls it degree (= 2 * connectivity)",
    "ef_construction": "vecinal calls it build_beam",
    "efConstruction": "vecinal calls it build_beam",
    "expansion_add": "vecinal calls it build_beam",
    "ef": "vecinal calls it beam: search(..., beam=) or index.beam",
    "ef_search": "vecinal calls it beam: search(..., beam=) or index.beam",
    "efSearch": "vecinal calls it beam: search(..., beam=) or index.beam",
    "query_ef": "vecinal calls it beam: search(..., beam=) or index.beam",
    "expansion_search": "vecinal calls it beam: search(..., beam=) or index.beam",
    "space": "vecinal calls it metric",
    "ndim": "vecinal calls it dim",
    "num_dimensions": "vecinal calls it dim",
    "max_elements": "not needed, an index grows by itself",
    "dtype": "vecinal calls it encoding",
    "storage_data_type": "vecinal calls it encoding",
    "reduction": "vecinal calls it reduce",
    "random_seed": "vecinal calls it seed",
    "num_threads": "vecinal calls it threads",
    "n_full_scores": "vecinal calls it candidates",
    "keys": "vecinal calls it ids",
    "count": "vecinal calls it k",
}


def _parameters(call: Callable[..., Any]) -> tuple[str, ...]:
    code = call.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def explain(call: Callable[..., Any], owner: str, keyword: str) -> str:
    """Return what to say of a keyword that a method of `owner` does not know."""
    known = _parameters(call)[1:]
    answer = _ANSWERS.get(keyword)
    if answer is None:
        from difflib import get_close_matches

        close = get_close_matches(keyword, known, n=1)
        answer = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    name = owner if call.__name__ == "__init__" else f"{owner}.{call.__name__}"
    return f"{name}: unknown keyword {keyword!r}; {answer}"


def explain_unknown(call: _Call) -> _Call:
    """Decorate a method so that an unknown keyword raises a TypeError that helps."""
    known = frozenset(_parameters(call))

    @functools.wraps(call)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if kwargs and not known.issuperset(kwargs):
            unknown = next(name for name in kwargs if name not in known)
            raise TypeError(explain(call, type(args[0]).__name__, unknown))
        return call(*args, **kwargs)

    return checked  # type: ignore[return-value]
