import importlib
import sys

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

pytestmark = pytest.mark.scann


def clustered(num_items, dim=32, num_clusters=100):
    random = np.random.default_rng(0)
    centres = random.normal(size=(num_clusters, dim))
    embeddings = centres[random.integers(0, num_clusters, num_items)]
    embeddings = embeddings + 0.5 * random.normal(size=embeddings.shape)
    return embeddings.astype(np.float32)


def unclustered(num_items, dim=16):
    embeddings = np.random.default_rng(0).normal(size=(num_items, dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32)


@pytest.fixture(scope="module")
def tree():
    ids = [f"item {number}" for number in range(4000)]
    return kd.index.ScannIndex.build(clustered(4000), ids, recall_floor=0.9)


def test_tree_meets_its_recall(tree):
    oracle = kd.index.ExactIndex.build(clustered(4000), tree.ids)
    assert kd.index.measure_recall(tree, oracle) >= 0.9
    assert tree.measured_recall() >= 0.9
    # No more is searched than the floor needs.
    assert tree._leaves_to_search < tree._num_leaves / 2


def test_tree_survives_its_file(tree, tmp_path):
    tree.save(tmp_path / "index.npz")
    loaded = kd.index.ScannIndex.load(tmp_path / "index.npz")
    assert loaded.recall_floor == 0.9
    for one, other in zip(
        tree.search(clustered(50)), loaded.search(clustered(50)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_graph_and_arrays_get_the_same_answer(tree):
    queries = clustered(40)
    rows, scores = tree.nearest(queries, 10)
    in_graph = tf.function(lambda queries: tree.lookup(queries, 10))
    for graph_rows, graph_scores in (
        tree.lookup(tf.constant(queries), 10),
        in_graph(tf.constant(queries)),
    ):
        np.testing.assert_array_equal(graph_rows, rows)
        np.testing.assert_allclose(graph_scores, scores, rtol=1e-5)


def test_floor_is_met_where_there_are_no_clusters_to_help():
    embeddings = unclustered(6000, dim=128)
    index = kd.index.ScannIndex.build(embeddings, recall_floor=0.99)
    oracle = kd.index.ExactIndex.build(embeddings)
    assert kd.index.measure_recall(index, oracle) >= 0.99


def test_floor_of_one_is_met():
    embeddings = unclustered(2500, dim=64)
    index = kd.index.ScannIndex.build(embeddings, recall_floor=1.0)
    oracle = kd.index.ExactIndex.build(embeddings)
    assert kd.index.measure_recall(index, oracle) == 1.0


@pytest.mark.parametrize("num_queries", [1, 20])
def test_k_results_come_where_the_leaves_searched_hold_fewer(num_queries):
    embeddings = unclustered(3000)
    index = kd.index.ScannIndex.build(embeddings, recall_floor=0.0)
    index._leaves_to_search = 1
    ids, scores = index.search(embeddings[:num_queries], k=1500)
    assert ids.shape == scores.shape == (num_queries, 1500)
    assert (ids != "").all() and np.isfinite(scores).all()
    in_graph = tf.function(lambda queries: index.lookup(queries, 1500))
    rows, _ = in_graph(tf.constant(embeddings[:num_queries]))
    assert rows.shape == (num_queries, 1500) and (rows.numpy() >= 0).all()


def test_few_embeddings_are_scored_as_they_are():
    index = kd.index.ScannIndex.build(unclustered(15))
    found, _ = index.search(unclustered(15), k=1)
    assert found.ravel().tolist() == [str(number) for number in range(15)]


def test_speedup_is_the_time_of_exact_search_over_its_own(tree, monkeypatch):
    scann_file = sys.modules["keras_dvml.index.scann"]
    timed = []

    def median_seconds(functions, calls):
        timed.extend(functions)
        assert len(calls) == 5
        return [3.0, 1.5]

    monkeypatch.setattr(scann_file, "median_seconds", median_seconds)
    assert tree.measure_speedup(num_queries=5) == 2.0
    assert timed[1] == tree.nearest
    monkeypatch.undo()
    assert kd.index.ScannIndex.build(unclustered(3)).measure_speedup() > 0


def test_building_depends_on_the_embeddings_alone(tree):
    again = kd.index.ScannIndex.build(clustered(4000), recall_floor=0.9)
    for name, value in tree.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], value, err_msg=name)


def test_of_settings_that_meet_the_floor_the_least_work_is_taken(
    tree, monkeypatch
):
    index = kd.index.ScannIndex.build(clustered(4000), recall_floor=0.9)
    # 4000 points in 63 leaves, 63.5 each; a candidate costs 8 of them. So the
    # costs are 811, 797, 1214 and 2111.
    leaves = {30: 9, 60: 5, 120: 4, 240: 3}
    monkeypatch.setattr(
        index,
        "_fewest_leaves",
        lambda recall_of: leaves[index._num_reordered],
    )
    index.tune(0.9)
    assert (index._leaves_to_search, index._num_reordered) == (5, 60)


def test_tree_can_be_tuned_to_other_floors_and_queries():
    embeddings = unclustered(6000, dim=32)
    queries = unclustered(7000, dim=32)[6000:]
    index = kd.index.ScannIndex.build(embeddings[:6000], recall_floor=0.5)
    oracle = kd.index.ExactIndex.build(embeddings)
    few = kd.index.measure_recall(index, oracle, queries=queries)
    index.tune(0.97, queries=queries)
    many = kd.index.measure_recall(index, oracle, queries=queries)
    assert few < 0.9 < 0.97 <= many and index.recall_floor == 0.97


def test_tree_that_has_lost_most_items_can_be_tuned():
    # Fewer are left than candidates that tuning would score again.
    tree = kd.index.ScannIndex.build(clustered(3000), recall_floor=0.5)
    tree.remove(tree.ids[100:])
    tree.tune(0.95)
    oracle = kd.index.ExactIndex.build(tree.embeddings, tree.ids)
    assert kd.index.measure_recall(tree, oracle) >= 0.95


def test_rebuilding_keeps_the_floor():
    tree = kd.index.ScannIndex.build(clustered(3000), recall_floor=0.8)
    tree.remove(["5"])
    rebuilt = tree.rebuilt()
    assert rebuilt.recall_floor == 0.8 and len(rebuilt) == 2999
    assert "5" not in rebuilt.search(clustered(3000)[5], k=50)[0]


def test_absence_of_scann_is_named(run_forked):
    code = """
import sys
sys.modules["scann"] = None
import keras_dvml as kd
try:
    kd.index.ScannIndex.build([[1.0]])
except ImportError as error:
    print(error)
"""
    assert 'pip install "scann==1.4.2" "tensorflow<2.21,' in run_forked(code)


def test_scann_beside_another_tensorflow_is_answered_alike(monkeypatch):
    def import_module(name):
        raise tf.errors.NotFoundError(None, None, "undefined symbol: _ZN10")

    monkeypatch.setattr(importlib, "import_module", import_module)
    with pytest.raises(ImportError, match="TensorFlow that it was compiled"):
        kd.index.ScannIndex.build([[1.0]])
