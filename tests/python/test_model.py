"""Random sequences of calls on random configs, against a dict and brute force."""

from __future__ import annotations

import copy
import pathlib
import pickle
import tempfile

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import vecinal
from brute_force import check_hits

SEEDS = st.integers(0, 2**32)
IDS = st.one_of(st.integers(0, 40), st.integers(0, 2**62))
FAULTS = ["id in the index", "id twice", "not finite", "dim"]
# Absolute error of distances: the reference normalises what f16 has rounded, the index does not;
# codes round queries to 16 bits, and correct distances for what they round of rows.
ERRORS = {"f32": 2e-5, "f16": 2e-5, "lvq8x8": 1e-2, "lvq4": 2e-5}
CONFIGS = st.fixed_dictionaries(
    dict(
        dim=st.integers(1, 40),
        metric=st.sampled_from(["l2", "ip", "cosine"]),
        encoding=st.sampled_from(["f32", "f32", "f16", "lvq8x8", "lvq4"]),
        layout=st.sampled_from(["split", "split", "fused"]),
        graph=st.sampled_from(["hnsw", "hnsw", None]),
        degree=st.sampled_from([4, 6, 16, 32]),
        build_beam=st.sampled_from([1, 8, 50]),
        order=st.sampled_from(["shuffled", "given", "lid"]),
        threads=st.integers(1, 2),
        seed=SEEDS,
    )
)


class IndexModel(RuleBasedStateMachine):
    """`rows` holds what the index must hold: id -> row, in the order they were added."""

    @initialize(config=CONFIGS, coarse=st.booleans())
    def create(self, config, coarse):
        if config["layout"] == "fused":
            config = {**config, "encoding": "lvq8x8", "graph": "hnsw", "degree": 32}
        elif config["encoding"] == "lvq4":
            config = {**config, "keep": "f32"}  # its codes find candidates, floats rank them
        self.config, self.coarse = config, coarse
        self.index, self.rows, self.next_id = vecinal.Index(**config), {}, 0
        self.labels = {}

    def draw_rows(self, n, seed):
        """Coarse rows repeat each other and tie; column 0 keeps them from being zero."""
        rng = np.random.default_rng(seed)
        shape = (n, self.config["dim"])
        rows = rng.integers(-1, 2, shape) if self.coarse else rng.standard_normal(shape)
        rows = rows.astype(np.float32)
        rows[:, 0] = np.where(rows[:, 0] == 0, 1, rows[:, 0])
        return rows

    @rule(n=st.integers(0, 60), seed=SEEDS)
    def add(self, n, seed):
        rows = self.draw_rows(n, seed)
        ids = self.index.add(rows)
        assert ids.tolist() == list(range(self.next_id, self.next_id + n))
        self.note(ids, rows)

    @rule(ids=st.lists(IDS, unique=True, max_size=8), seed=SEEDS)
    def add_with_ids(self, ids, seed):
        ids = [id for id in ids if id not in self.rows]
        rows = self.draw_rows(len(ids), seed)
        assert self.index.add(rows, ids).tolist() == ids
        self.note(ids, rows)

    @rule(n=st.integers(0, 20), seed=SEEDS)
    def add_with_labels(self, n, seed):
        rows, labels = self.draw_rows(n, seed), np.random.default_rng(seed).integers(-1, 3, n)
        ids = self.index.add(rows, labels=labels)
        self.labels.update(zip(map(int, ids), map(int, labels)))
        self.note(ids, rows)

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), seed=SEEDS)
    def update(self, data, seed):
        ids = data.draw(st.lists(st.sampled_from(list(self.rows)), unique=True, max_size=12))
        rows = self.draw_rows(len(ids), seed)
        self.index.update(ids, rows)
        self.rows.update(zip(ids, rows))

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), label=st.integers(-1, 3))
    def label(self, data, label):
        id = data.draw(st.sampled_from(list(self.rows)))
        self.index.set_labels([id], [label])
        self.labels[id] = label

    @rule()
    def compact(self):
        self.index.compact()
        assert self.index.stats()["free"] == 0

    def note(self, ids, rows):
        self.rows.update(zip(map(int, ids), rows))
        self.next_id = max([self.next_id, *(int(id) + 1 for id in ids)])

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), fault=st.sampled_from(FAULTS))
    def add_in_vain(self, data, fault):
        rows, ids = self.draw_rows(3, 0), [2**62 + 5, 2**62 + 6, 2**62 + 7]
        if fault == "id in the index":
            ids[1] = data.draw(st.sampled_from(list(self.rows)))
        elif fault == "id twice":
            ids[2] = ids[0]
        elif fault == "not finite":
            rows[1, -1] = np.inf
        else:
            rows = np.ones((3, self.config["dim"] + 1))
        before = bytes(self.index)
        with pytest.raises(ValueError):
            self.index.add(rows, ids)
        assert bytes(self.index) == before

    @rule(data=st.data(), others=st.lists(IDS, max_size=3))
    def remove(self, data, others):
        held = []
        if self.rows:
            held = data.draw(st.lists(st.sampled_from(list(self.rows)), max_size=30))
        gone = set(held + others) & set(self.rows)
        assert self.index.remove(held + others) == len(gone)
        for id in gone:
            del self.rows[id]
            self.labels.pop(id, None)

    @rule()
    def remove_all(self):
        assert self.index.remove(list(self.rows)) == len(self.rows)
        self.rows.clear()
        self.labels.clear()

    @precondition(lambda self: self.rows)
    @rule()
    def retrain(self):
        self.index.retrain()

    @rule(
        k=st.integers(1, 90),
        seed=SEEDS,
        walk=st.booleans(),
        share=st.sampled_from([None, 0.1, 0.6, "label"]),
    )
    def search(self, k, seed, walk, share):
        """Exact, or walking with a beam that holds every row: that finds the same."""
        queries = self.draw_rows(4, seed)
        ids = np.fromiter(self.rows, np.int64, len(self.rows))
        allowed = None
        if share == "label":
            ids = np.array([id for id in ids.tolist() if self.labels.get(id) == 1], np.int64)
            allowed = vecinal.label(1)
        elif share is not None:
            ids = ids[np.random.default_rng(seed).random(len(ids)) < share]
            allowed = ids
        options = {"beam": 5000} if walk else {"exact": True}
        hits = self.index.search(queries, k, filter=allowed, **options)
        held = np.array([self.index[id] for id in ids.tolist()])
        held = held.reshape(len(ids), self.config["dim"])
        rounded = self.config["metric"] == "cosine" and self.config["encoding"] == "f16"
        atol = 2e-3 if rounded else ERRORS[self.config["encoding"]]
        check_hits(hits, self.config["metric"], queries, ids, held, k, atol=atol)

    @precondition(lambda self: self.rows)
    @rule(seed=SEEDS, k=st.integers(1, 5))
    def search_with_the_default_beam(self, seed, k):
        hits = self.index.search(self.draw_rows(3, seed), k)
        assert (hits.counts == min(k, len(self.rows))).all()
        assert set(hits.ids.ravel().tolist()) - {-1} <= set(self.rows)

    @rule(way=st.sampled_from(["bytes", "file", "mapped file", "pickle", "copy"]))
    def reload(self, way):
        if way == "bytes":
            loaded = vecinal.load(bytes(self.index), threads=2)
        elif way == "pickle":
            loaded = pickle.loads(pickle.dumps(self.index))
        elif way == "copy":
            loaded = copy.deepcopy(self.index)
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "a.vcn"
                self.index.save(path)
                loaded = vecinal.load(path, mmap=way == "mapped file")
        assert bytes(loaded) == bytes(self.index)
        self.index = loaded

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def look_up(self, data):
        id = data.draw(st.sampled_from(list(self.rows)))
        row = self.rows[id].astype(np.float64)
        if self.config["metric"] == "cosine":
            row /= np.linalg.norm(row)
        rtol = 2e-3 if self.config["encoding"] in ("f16", "lvq8x8") else 1e-6
        atol = 2e-3 if self.config["encoding"] == "lvq8x8" else 1e-7
        np.testing.assert_allclose(self.index[id], row, rtol=rtol, atol=atol)

    @invariant()
    def holds_the_same_ids(self):
        assert len(self.index) == len(self.rows)
        assert sorted(self.index.ids.tolist()) == sorted(self.rows)
        assert all(id in self.index for id in list(self.rows)[:5])
        assert self.next_id not in self.index

    @invariant()
    def is_sound(self):
        assert self.index.check() == []


TestIndexModel = IndexModel.TestCase
TestIndexModel.settings = settings(max_examples=5 * settings().max_examples, stateful_step_count=50)
