"""Links chosen anew on a finished graph."""

from __future__ import annotations

import numpy as np
import pytest
import vecinal

ROWS = np.random.default_rng(0).standard_normal((3000, 24)).astype(np.float32)
QUERIES = np.random.default_rng(1).standard_normal((200, 24)).astype(np.float32)


def recall(index, beam):
    found = index.search(QUERIES, k=10, beam=beam).ids
    true = index.search(QUERIES, k=10, exact=True).ids
    return np.mean([len(set(f) & set(t)) / 10 for f, t in zip(found, true)])


# Signs of 24 dimensions are poor estimates: what links are worth shows where the beam makes up for them.
@pytest.mark.parametrize("layout, beam", [("split", 20), ("fused", 100)])
def test_the_same_beam_finds_more(layout, beam):
    index = vecinal.Index(24, encoding="lvq8", layout=layout, build_beam=24)
    index.add(ROWS)
    before, memory = recall(index, beam), index.stats()["bytes_graph"]
    assert index.refine(beam=100) is None
    assert 1 - recall(index, beam) < 0.9 * (1 - before)
    assert index.check() == [] and index.stats()["bytes_graph"] == memory


@pytest.mark.parametrize(
    "options, message",
    [
        ({"beam": 0}, "refine: beam must be 1 to 10000, got 0"),
        ({"rounds": 101}, "refine: rounds must be 1 to 100, got 101"),
        ({"beam": -1}, "beam"),
        ({"rounds": 1.5}, "rounds"),
        ({"round": 2}, "round"),
    ],
)
def test_options_out_of_range_are_named(options, message):
    index = vecinal.Index(24)
    index.add(ROWS[:50])
    before = bytes(index)
    with pytest.raises((ValueError, TypeError), match=message):
        index.refine(**options)
    assert bytes(index) == before


def test_an_index_without_items_or_graph_is_refused():
    with pytest.raises(ValueError, match="empty"):
        vecinal.Index(24).refine()
    flat = vecinal.Index(24, graph=None)
    flat.add(ROWS[:50])
    with pytest.raises(ValueError, match="no graph"):
        flat.refine()
