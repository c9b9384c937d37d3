"""benchmarks/ann_benchmarks, driven as its runners do."""

from __future__ import annotations

import importlib.util
import itertools
import pathlib
import re

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks" / "ann_benchmarks"


@pytest.fixture(scope="module")
def vecinal_class():
    if not FOLDER.exists():
        pytest.skip("the benchmarks are not beside the tests")
    spec = importlib.util.spec_from_file_location("vecinal_ann_module", FOLDER / "module.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Vecinal


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((20, 32))
    rows = (centres[rng.integers(0, 20, 900)] + 0.5 * rng.standard_normal((900, 32))).astype("f4")
    return rows[:850], rows[850:]


def truth(metric, rows, queries, k):
    if metric == "euclidean":
        scores = ((queries[:, None] - rows) ** 2).sum(-1)
    else:
        if metric == "angular":
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        scores = -queries @ rows.T
    return np.argsort(scores, axis=1)[:, :k]


def share(found, wanted):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, wanted)])


@pytest.mark.parametrize("metric", ["angular", "euclidean", "ip"])
@pytest.mark.parametrize("config", [{"encoding": "lvq8", "layout": "fused"}, {}])
def test_a_run(vecinal_class, data, metric, config):
    rows, queries = data
    algorithm = vecinal_class(metric, config)
    algorithm.fit(rows.astype("f8"))
    wanted = truth(metric, rows, queries, 10)
    algorithm.set_query_arguments(80)
    one_by_one = [algorithm.query(q, 10) for q in queries]
    assert share(one_by_one, wanted) >= 0.9
    algorithm.batch_query(queries, 10)
    np.testing.assert_array_equal(algorithm.get_batch_results(), one_by_one)
    prepared = []
    for q in queries:
        algorithm.prepare_query(q, 10)
        algorithm.run_prepared_query()
        prepared.append(algorithm.get_prepared_query_results())
    np.testing.assert_array_equal(prepared, one_by_one)
    assert algorithm.get_memory_usage() * 1024 >= rows.size
    assert algorithm.get_additional()["hops"] > 0
    assert "beam=80" in str(algorithm)
    algorithm.done()


def test_the_config_names_what_there_is(vecinal_class, data):
    text = (FOLDER / "config.yml").read_text()
    assert "constructor: Vecinal" in text
    groups = re.findall(r"args: \[(\{.*?\})\]\n\s+query_args: (\[\[.*\]\])", text)
    assert len(groups) == 3
    rows, queries = data
    for args, query_args in groups:
        config = dict(re.findall(r"(\w+): (\w+)", args))
        lists = [[float(n) for n in part.split(",")] for part in re.findall(r"\[([^\[\]]+)\]", query_args)]
        algorithm = vecinal_class("angular", config)
        algorithm.fit(rows)
        for values in itertools.islice(itertools.product(*lists), 2):
            algorithm.set_query_arguments(int(values[0]), *values[1:])
            assert algorithm.query(queries[0], 10).shape == (10,)


def test_a_metric_that_is_not_known_is_named(vecinal_class):
    with pytest.raises(ValueError, match="hamming"):
        vecinal_class("hamming", {})
