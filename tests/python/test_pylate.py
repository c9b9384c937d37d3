"""vecinal.pylate.Index against what PyLate's retrievers and indexes promise."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

import vecinal.pylate


@pytest.fixture
def documents(rng):
    sets = [rng.standard_normal((int(n), 24)) for n in rng.integers(3, 12, 40)]
    return [(one / np.linalg.norm(one, axis=1, keepdims=True)).astype(np.float32) for one in sets]


NAMES = [f"doc {i}" for i in range(40)]


def make_index(folder, **config):
    return vecinal.pylate.Index(folder, "test", fde={"k_sim": 3, "repetitions": 10}, **config)


def test_documents_find_themselves(documents, tmp_path):
    index = make_index(tmp_path)
    assert index.add_documents(NAMES, documents) is index
    found = index(documents, k=3)
    assert [hits[0]["id"] for hits in found] == NAMES
    for hits, document in zip(found, documents):
        assert set(hits[0]) == {"id", "score"}
        assert type(hits[0]["id"]) is str
        assert type(hits[0]["score"]) is float
        assert hits[0]["score"] == pytest.approx(len(document), rel=0.01)
        assert [hit["score"] for hit in hits] == sorted((h["score"] for h in hits), reverse=True)
    assert index(documents[4], k=1) == [[found[4][0]]]
    assert index(np.stack([documents[4][:3]] * 2), k=1)[1][0]["id"] == "doc 4"


def test_changes_are_in_the_folder(documents, tmp_path):
    make_index(tmp_path).add_documents(NAMES[:30], documents[:30])
    index = make_index(tmp_path)
    assert len(index) == 30
    index.add_documents(NAMES[30:], documents[30:]).remove_documents([NAMES[7], "none such"])
    index = make_index(tmp_path)
    assert len(index) == 39
    assert "doc 7" not in index
    assert "doc 7" not in [hit["id"] for hit in index([documents[7]], k=40)[0]]
    index.update_documents(["doc 8"], [documents[7]])
    assert len(index) == 39
    assert make_index(tmp_path)([documents[7]], k=1)[0][0]["id"] == "doc 8"
    assert len(make_index(tmp_path, override=True)) == 0
    with pytest.raises(ValueError, match="empty"):
        make_index(tmp_path)([documents[0]])


def test_subsets(documents, tmp_path):
    index = make_index(tmp_path).add_documents(NAMES, documents)
    same = index(documents[:2], k=5, subset=["doc 3", "doc 9", "none such"])
    assert [sorted(hit["id"] for hit in hits) for hits in same] == [["doc 3", "doc 9"]] * 2
    each = index(documents[:2], k=5, subset=[["doc 1"], []])
    assert [[hit["id"] for hit in hits] for hits in each] == [["doc 1"], []]
    assert index(documents[:2], subset=[]) == [[], []]
    with pytest.raises(ValueError, match="2 queries but 1 subsets"):
        index(documents[:2], subset=[["doc 1"]])


def test_embeddings_come_back(documents, tmp_path):
    index = make_index(tmp_path, tokens="f32").add_documents(NAMES, documents)
    (first, second), (third,) = index.get_documents_embeddings([["doc 5", "doc 2"], ["doc 0"]])
    for given, stored in ((documents[5], first), (documents[2], second), (documents[0], third)):
        np.testing.assert_allclose(given, stored, atol=1e-6)


def test_bad_documents_change_nothing(documents, tmp_path):
    index = make_index(tmp_path).add_documents(NAMES[:5], documents[:5])
    for names, sets, problem in (
        (["a", "a"], documents[:2], "distinct"),
        (["a"], documents[:2], "1 ids but 2 embeddings"),
        (["a"], [np.empty((0, 24))], "empty"),
        (["a"], [np.full((2, 24), np.nan)], "finite"),
    ):
        with pytest.raises(ValueError, match=problem):
            index.add_documents(names, sets)
    with pytest.raises(TypeError, match="strings"):
        index.add_documents([3], documents[:1])
    assert len(index) == 5
    assert len(make_index(tmp_path)) == 5


def test_names_that_were_written_before_a_crash_are_passed_over(documents, tmp_path):
    make_index(tmp_path).add_documents(NAMES[:5], documents[:5])
    file = tmp_path / "test" / "documents.json"
    names = json.loads(file.read_text())
    names["5"] = "never saved"
    file.write_text(json.dumps(names))
    index = make_index(tmp_path)
    assert "never saved" not in index
    assert index.add_documents(["new"], documents[6:7])([documents[6]], k=1)[0][0]["id"] == "new"


def test_pylate_takes_it(documents, tmp_path):
    pytest.importorskip("pylate", reason="PyLate is not installed")
    from pylate import indexes, rank, retrieve

    assert set(rank.RerankResult.__annotations__) == set(
        vecinal.pylate.RerankResult.__annotations__
    )
    for name in ("add_documents", "remove_documents", "__call__", "get_documents_embeddings"):
        ours = inspect.signature(getattr(vecinal.pylate.Index, name)).parameters
        theirs = inspect.signature(getattr(indexes.base.Base, name)).parameters
        assert set(theirs) - {"batch_size"} <= set(ours)
    index = make_index(tmp_path).add_documents(NAMES, documents)
    found = retrieve.ColBERT(index=index).retrieve(queries_embeddings=documents[:3], k=2)
    assert [hits[0]["id"] for hits in found] == NAMES[:3]
