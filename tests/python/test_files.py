"""What is saved comes back: files, bytes, pickles, copies; what is broken is refused."""

from __future__ import annotations

import copy
import io
import os
import pickle
import pickletools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vecinal

CONFIGS = [
    dict(metric="l2", encoding="f32", graph="hnsw"),
    dict(
        metric="cosine", encoding="f16", graph="hnsw", degree=8, build_beam=20, order="lid", seed=5
    ),
    dict(metric="ip", encoding="f16", graph=None),
    dict(metric="ip", encoding="lvq4", keep="f16", quantizer="rotated"),
    dict(metric="cosine", encoding="lvq4x8", reduce="pca"),
    dict(metric="l2", encoding="lvq8x8", reduce="prefix", reduced_dim=5, graph=None),
]


def make_index(n=120, dim=9, removed=(3, 50), **config):
    rng = np.random.default_rng(1)
    index = vecinal.Index(dim, **config)
    index.add(rng.standard_normal((n, dim)), rng.permutation(10 * n)[:n])
    index.remove(index.ids[list(removed)] if n else [])
    index.defaults = {"beam": 77, "rerank": 88}
    return index


def assert_same(loaded, index):
    assert loaded.config == {**index.config, "threads": loaded.config["threads"]}
    assert len(loaded) == len(index) and loaded.check() == []
    assert loaded.defaults == index.defaults
    assert loaded.stats()["trained"] == index.stats()["trained"]
    assert loaded.ids.tolist() == index.ids.tolist()
    assert bytes(loaded) == bytes(index)
    queries = np.random.default_rng(2).standard_normal((6, index.dim))
    for options in ({}, {"exact": True}, {"filter": index.ids[::3]}):
        hits, truth = loaded.search(queries, **options), index.search(queries, **options)
        np.testing.assert_array_equal(hits.ids, truth.ids)
        np.testing.assert_array_equal(hits.distances, truth.distances)


def ways_back(index, folder):
    path = folder / "a.vcn"
    index.save(path)
    data = path.read_bytes()
    yield "path", vecinal.load(path)
    yield "str", vecinal.load(str(path))
    yield "mapped", vecinal.load(path, mmap=True)
    yield "mapped, not verified", vecinal.load(path, mmap=True, verify=False)
    yield "not verified", vecinal.load(path, verify=False, threads=2)
    yield "bytes", vecinal.load(bytes(index))
    yield "bytearray", vecinal.load(bytearray(data))
    yield "memoryview", vecinal.load(memoryview(data))
    yield "array", vecinal.load(np.frombuffer(data, np.uint8))
    yield "unaligned bytes", vecinal.load(memoryview(b"x" + data)[1:])
    yield "memory file", vecinal.load(io.BytesIO(data))
    with open(path, "rb") as file:
        yield "file", vecinal.load(file)
    yield "copy", copy.copy(index)
    yield "deep copy", copy.deepcopy(index)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield f"pickle {protocol}", pickle.loads(pickle.dumps(index, protocol))


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("n", [0, 1, 120])
def test_every_way_back(config, n, tmp_path):
    index = make_index(n, removed=(3, 50) if n > 50 else (), **config)
    for name, loaded in ways_back(index, tmp_path):
        try:
            assert_same(loaded, index)
        except AssertionError as error:
            raise AssertionError(f"through {name}") from error


@pytest.mark.parametrize("mmap", [False, True])
def test_a_loaded_index_lives_on(mmap, tmp_path):
    path = tmp_path / "a.vcn"
    index = make_index()
    index.save(path)
    data = path.read_bytes()
    loaded = vecinal.load(path, mmap=mmap)
    rows = np.random.default_rng(3).standard_normal((40, 9))
    for each in (index, loaded):
        each.remove(each.ids[5:9])
        each.add(rows)
    assert_same(loaded, index)
    assert path.read_bytes() == data, "changes reached the file"
    loaded.save(path)  # over the file that is mapped
    assert_same(vecinal.load(path), index)
    assert_same(loaded, index)


def test_a_copy_is_its_own():
    index = make_index()
    other = copy.deepcopy(index)
    other.remove(other.ids)
    assert len(index) == 118 and len(other) == 0


def test_threads_are_not_saved(tmp_path):
    index = make_index(threads=1)
    assert vecinal.load(bytes(index)).config["threads"] == 0
    assert vecinal.load(bytes(index), threads=3).config["threads"] == 3


def test_info_does_not_load(tmp_path):
    index = make_index(metric="cosine", encoding="lvq8", reduce="pca", reduced_dim=4, keep="f16")
    path = tmp_path / "a.vcn"
    index.save(path)
    info = vecinal.info(path)
    assert info == vecinal.info(str(path))
    assert (
        info["bytes"] == path.stat().st_size
        and info["size"] == 118
        and info["removed"] == index.stats()["removed"]
    )
    assert info["config"] == index.config and info["version"] >= 1
    assert (info["beam"], info["rerank"]) == (77, 88)
    for section in info["sections"]:
        assert set(section) == {"tag", "offset", "length"}
        assert section["offset"] + section["length"] <= info["bytes"]


def test_saving_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "ein schöner Name.vcn"
    path.write_text("something else")
    make_index(20, removed=()).save(path)
    make_index(120).save(path)
    assert len(vecinal.load(path)) == 118
    assert os.listdir(tmp_path) == [path.name]


def test_paths_that_lead_nowhere(tmp_path):
    index = make_index(5, removed=())
    missing = tmp_path / "missing"
    for call in (vecinal.load, vecinal.info, lambda p: vecinal.load(p, mmap=True)):
        with pytest.raises(FileNotFoundError) as caught:
            call(missing)
        assert caught.value.filename == str(missing)
    with pytest.raises(OSError):
        vecinal.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        index.save(missing / "a.vcn")
    with pytest.raises(OSError):
        index.save(tmp_path)
    assert os.listdir(tmp_path) == []
    for bad in (3, None, 1.5, ["a"]):
        with pytest.raises(TypeError):
            vecinal.load(bad)
        with pytest.raises(TypeError):
            index.save(bad)
    with pytest.raises(ValueError, match="null"):
        index.save("a\0b")


def test_sources_that_cannot_be_loaded():
    data = bytes(make_index())
    with pytest.raises(ValueError, match="mmap=True needs a path"):
        vecinal.load(data, mmap=True)
    with pytest.raises(TypeError, match="contiguous"):
        vecinal.load(memoryview(data)[::2])
    with pytest.raises(TypeError, match="binary"):
        vecinal.load(io.StringIO("x"))
    with pytest.raises(TypeError, match="threads"):
        vecinal.load(data, threads=1.0)


SMALL = bytes(make_index(12, dim=3, removed=(2,), degree=4))


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\0" * 4096, b"PK\3\4" * 99, SMALL[:-1], SMALL + b"\0", SMALL[1:]]
)
def test_other_bytes_are_refused(data, tmp_path):
    path = tmp_path / "a.vcn"
    path.write_bytes(data)
    for call in (
        lambda: vecinal.load(data),
        lambda: vecinal.load(path),
        lambda: vecinal.load(path, mmap=True),
        lambda: vecinal.load(path, verify=False),
        lambda: vecinal.info(path),
    ):
        with pytest.raises(vecinal.FormatError):
            call()


@given(data=st.data())
def test_a_changed_byte_is_a_format_error(data):
    broken = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(SMALL) - 1))
        broken[position] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        del broken[data.draw(st.integers(0, len(SMALL) - 1)) :]
    if bytes(broken) == SMALL:
        return
    try:
        index = vecinal.load(broken)
    except vecinal.FormatError as error:
        assert str(error)
    else:  # padding that no checksum covers, at most
        assert index.check() == [] and len(index) == 11
    with pytest.raises(vecinal.FormatError):
        pickle.loads(pickle.dumps(Forged(bytes(broken[: len(broken) // 2]))))


class Forged:
    """Pickles as an index of these bytes."""

    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        return vecinal._restore, (self.data,)


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_one_call_of_restore_with_bytes(protocol):
    index = make_index()
    names, payloads, calls = [], [], 0
    for opcode, argument, _ in pickletools.genops(pickle.dumps(index, protocol)):
        if isinstance(argument, str):
            names += argument.split()
        elif isinstance(argument, bytes):
            payloads.append(argument)
        calls += opcode.name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD", "INST", "OBJ")
    assert names == ["vecinal", "_restore"] and payloads == [bytes(index)] and calls == 1


class Bundle:
    def __init__(self, index):
        self.index, self.also = index, index


def test_one_index_in_two_places_stays_one():
    bundle = copy.deepcopy(Bundle(make_index()))
    assert bundle.index is bundle.also
