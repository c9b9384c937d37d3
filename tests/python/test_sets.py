"""Sets of vectors: metric "chamfer" from Python."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

import vecinal

DIM = 16
SMALL = {"k_sim": 3, "projected_dim": 8, "repetitions": 10}


def make_sets(rng, count, low=1, high=20, dim=DIM):
    sets = [rng.standard_normal((int(n), dim)) for n in rng.integers(low, high, count)]
    return [(s / np.linalg.norm(s, axis=1, keepdims=True)).astype(np.float32) for s in sets]


def flat(sets):
    return np.concatenate(sets), np.concatenate(([0], np.cumsum([len(s) for s in sets])))


def max_sim(query, document):
    return (query.astype("f8") @ document.astype("f8").T).max(axis=1).sum()


def make_index(**config):
    return vecinal.Index(DIM, **{"metric": "chamfer", "fde": SMALL, "tokens": "f32", **config})


@pytest.fixture
def sets(rng):
    return make_sets(rng, 120)


def test_exact_search_is_max_sim(sets, rng):
    index = make_index()
    assert index.add(sets).tolist() == list(range(120))
    queries = make_sets(rng, 7, 3, 9)
    hits = index.search(queries, k=5, exact=True)
    for query, ids, distances in zip(queries, *hits):
        scores = np.array([max_sim(query, document) for document in sets])
        best = np.argsort(-scores)[:5]
        assert ids.tolist() == best.tolist()
        np.testing.assert_allclose(-distances, scores[best], rtol=1e-5)
    assert hits.stats["exact"] == 7


def test_every_form_of_sets_is_the_same(sets, rng):
    lists = make_index()
    lists.add(sets)
    rows, offsets = flat(sets)
    by_offsets = make_index()
    by_offsets.add(rows, offsets=offsets)
    assert bytes(lists) == bytes(by_offsets)
    of_lists = make_index()
    of_lists.add([one.tolist() for one in sets])
    assert bytes(lists) == bytes(of_lists)
    even = rng.standard_normal((6, 5, DIM)).astype(np.float32)
    expected = lists.search(list(even), k=3)
    for queries, given in ((even, None), (even.reshape(-1, DIM), np.arange(7) * 5)):
        found = lists.search(queries, k=3, offsets=given)
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.distances, expected.distances)
    one = lists.search(even[2], k=3)
    assert one.ids.shape == (3,)
    np.testing.assert_array_equal(one.ids, expected.ids[2])


def test_torch_tensors(sets):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    expected = make_index()
    expected.add(sets)
    index = make_index()
    index.add([torch.from_numpy(one) for one in sets])
    assert bytes(index) == bytes(expected)
    query = torch.from_numpy(sets[3])
    assert index.search(query, k=1).ids.tolist() == [3]


@pytest.mark.parametrize("encoding", ["f32", "lvq8", "lvq4x8"])
@pytest.mark.parametrize("tokens", ["f32", "f16", "lvq8", "lvq8x8"])
def test_few_candidates_find_the_set_itself(sets, encoding, tokens):
    index = make_index(encoding=encoding, tokens=tokens)
    index.add(sets)
    hits = index.search(sets, k=1, candidates=10)
    assert (hits.ids[:, 0] == np.arange(120)).mean() > 0.97


def test_ids_removal_filters_and_vectors(sets):
    index = make_index()
    index.add(sets, ids=np.arange(120) + 500)
    np.testing.assert_allclose(index[503], sets[3], atol=1e-6)
    assert index[503].shape == sets[3].shape
    assert index.remove([503, 4]) == 1
    assert 503 not in index
    with pytest.raises(KeyError):
        index[503]
    hits = index.search(sets[3], k=119)
    assert hits.counts == 119
    assert 503 not in hits.ids
    assert index.search(sets[5], k=3, filter=[510, 511]).ids.tolist()[2] == -1
    assert index.search(sets[5], k=1, filter=lambda id: id % 2 == 0).ids[0] % 2 == 0


def test_rerank_ranks_what_is_given(sets, rng):
    index = make_index()
    index.add(sets)
    queries = make_sets(rng, 3, 4, 6)
    hits = index.rerank(queries, [[5, 9, 9, 70], [], [1, -1, 4000]], k=3)
    assert hits.counts.tolist() == [3, 0, 1]
    for id, distance in zip(hits.ids[0], hits.distances[0]):
        assert distance == pytest.approx(-max_sim(queries[0], sets[id]), rel=1e-5)
    assert sorted(hits.ids[0].tolist()) == [5, 9, 70]
    found = index.search(queries, k=10, exact=True)
    again = index.rerank(queries, found.ids, k=10)
    np.testing.assert_array_equal(found.ids, again.ids)
    assert index.rerank(queries[0], [7, 8], k=1).ids.shape == (1,)
    with pytest.raises(ValueError, match="3 queries but 2 lists"):
        index.rerank(queries, [[1], [2]])


def test_rerank_of_single_vectors(rng):
    rows = rng.standard_normal((50, 8)).astype(np.float32)
    index = vecinal.Index(8, encoding="lvq4", keep="f32")
    index.add(rows)
    hits = index.rerank(rows[:2], [[4, 0, 7], [1, 1, 2]], k=2)
    assert hits.ids[:, 0].tolist() == [0, 1]
    assert hits.distances[:, 0].tolist() == [0, 0]


def test_files_and_pickles(sets, tmp_path):
    index = make_index(encoding="lvq4x8", tokens="lvq8", pooling=2)
    index.add(sets)
    index.defaults = {"candidates": 60, "beam": 80}
    index.save(tmp_path / "sets.vecinal")
    expected = index.search(sets[:9], k=4)
    loaded = [
        vecinal.load(tmp_path / "sets.vecinal"),
        vecinal.load(tmp_path / "sets.vecinal", mmap=True),
        vecinal.load(bytes(index)),
        pickle.loads(pickle.dumps(index)),
    ]
    for other in loaded:
        assert other.config == index.config
        assert other.defaults == {"beam": 80, "rerank": 0, "candidates": 60, "gamma": 0.0}
        assert bytes(other) == bytes(index)
        found = other.search(sets[:9], k=4)
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.distances, expected.distances)
    said = vecinal.info(tmp_path / "sets.vecinal")
    assert said["config"] == index.config
    assert said["candidates"] == 60
    assert vecinal.Index(**index.config).config == index.config


def test_every_damaged_byte_is_noticed(sets):
    index = make_index(tokens="lvq8")
    index.add(sets[:5])
    data = bytes(index)
    for at in range(0, len(data), max(1, len(data) // 400)):
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        with pytest.raises(vecinal.FormatError):
            vecinal.load(bytes(damaged))


def test_tune_and_carving(sets, rng):
    index = make_index()
    index.add(sets)
    queries = make_sets(rng, 20, 5, 9)
    tuned = index.tune(queries, recall=0.9, k=5)
    assert tuned["recall"] >= 0.9
    assert index.defaults["candidates"] == tuned["candidates"]
    doubled = [np.concatenate([query, query]) for query in queries]
    plain = index.search(doubled, k=5, exact=True)
    carved = index.search(doubled, k=5, exact=True, carving=0.999)
    np.testing.assert_array_equal(plain.ids, carved.ids)
    np.testing.assert_allclose(plain.distances, carved.distances, rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([np.ones((0, DIM))], "set 0 is empty"),
        ([np.ones((1, DIM)), np.empty((0,))], "set 1 is empty"),
        ([np.ones((2, DIM)), np.full((3, DIM), np.nan)], "vector 0 of set 1 .*finite"),
        ([np.ones((2, DIM - 1))], r"set 0 must have the shape \(t, 16\), got \(2, 15\)"),
        ([np.ones(DIM)], "one set of vectors goes in as"),
        (np.ones((4, DIM)), "one set x goes in as"),
        (np.ones((2, 3, 4)), r"got an array of shape \(2, 3, 4\)"),
    ],
)
def test_bad_sets_are_named_and_nothing_is_added(values, problem, sets):
    index = make_index()
    index.add(sets[:3])
    before = bytes(index)
    with pytest.raises(ValueError, match=problem):
        index.add(values)
    assert bytes(index) == before


@pytest.mark.parametrize(
    ("offsets", "problem"),
    [
        ([0, 5, 3, 10], "offset 2 is 3, below the one before, 5"),
        ([0, 5, 11], "offsets must go from 0 to 10"),
        ([1, 10], "offsets must go from 0 to 10"),
        ([0, -3, 10], "offsets must be in"),
        ([], "one more number"),
        ([0, 0, 10], "set 0 is empty"),
    ],
)
def test_bad_offsets_are_named(offsets, problem):
    index = make_index()
    with pytest.raises(ValueError, match=problem):
        index.add(np.ones((10, DIM)), offsets=offsets)
    assert len(index) == 0


def test_what_does_not_go_together():
    with pytest.raises(ValueError, match="chamfer"):
        vecinal.Index(4, fde={})
    with pytest.raises(TypeError, match="unknown parameter 'ksim'"):
        make_index(fde={"ksim": 3})
    with pytest.raises(ValueError, match="tokens must be f32, f16, lvq8 or lvq8x8"):
        make_index(tokens="lvq4")
    with pytest.raises(ValueError, match="final_dim"):
        make_index(fde={"k_sim": 10, "repetitions": 500})
    with pytest.raises(ValueError, match="offsets go with"):
        vecinal.Index(4).add(np.ones((3, 4)), offsets=[0, 3])
    with pytest.raises(ValueError, match="carving"):
        make_index().search(np.ones((1, DIM)), carving=2)
    with pytest.raises(ValueError, match="unknown; use one of"):
        make_index().defaults = {"ef": 5}


def test_poor_encodings_warn():
    pairs = [np.array([[1, 2, 3, 4], [2, 1, 4, 3]], np.float32)] * 20
    index = vecinal.Index(4, metric="chamfer")
    with pytest.warns(UserWarning, match="entropy"):
        index.add(pairs)
    assert index.stats()["occupancy"] < 0.5
    assert len(index) == 20
    strict = vecinal.Index(4, metric="chamfer")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):
            strict.add(pairs)
    assert len(strict) == 0
    assert strict.stats()["vectors"] == 0


def test_encoder(sets, rng):
    encoder = vecinal.FdeEncoder(DIM, **SMALL)
    assert encoder.encoded_dim == 8 * 8 * 10
    quality = encoder.train(sets)
    assert 0 <= quality["mean_cosine"] < 0.2
    assert 0.9 < quality["occupancy"] <= 1
    documents = encoder.encode_documents(sets)
    rows, offsets = flat(sets)
    np.testing.assert_array_equal(documents, encoder.encode_documents(rows, offsets=offsets))
    for threads in (1, 3):
        other = vecinal.FdeEncoder(DIM, threads=threads, **SMALL)
        other.mean = encoder.mean
        np.testing.assert_array_equal(documents, other.encode_documents(sets))
    # Queries that are parts of documents find them.
    queries = encoder.encode_queries([one[::2] for one in sets])
    ranks = np.argsort(-(queries @ documents.T), axis=1)
    assert (ranks[:, :10] == np.arange(120)[:, None]).any(axis=1).mean() > 0.8
    assert not encoder.encode_documents([np.empty((0, DIM))]).any()
    with pytest.raises(ValueError, match="k_sim"):
        vecinal.FdeEncoder(DIM, k_sim=11)
    with pytest.raises(ValueError, match="mean has 3 values"):
        encoder.mean = np.ones(3)
    with pytest.raises(ValueError, match="vector 1 of set 0"):
        encoder.encode_queries([[[0.0] * DIM, [np.inf] * DIM]])
