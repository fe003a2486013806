"""The contract of an index, kept by each of them."""

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

INDEXES = {
    "exact": kd.index.ExactIndex,
    "scann": pytest.param(kd.index.ScannIndex, marks=pytest.mark.scann),
}
every_index = pytest.mark.parametrize(
    "kind", INDEXES.values(), ids=INDEXES.keys()
)


def gallery(num_items=60, dim=16, seed=0):
    random = np.random.default_rng(seed)
    embeddings = random.normal(size=(num_items, dim)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings


@every_index
def test_neighbours_equal_a_full_sort(kind):
    embeddings = gallery()
    ids = [f"item-{number}-é" for number in range(60)]
    queries = gallery(num_items=7, seed=1)
    found, scores = kind.build(embeddings, ids).search(queries, k=5)
    similarity = queries @ embeddings.T
    order = np.argsort(-similarity, axis=1)[:, :5]
    assert found.tolist() == np.array(ids)[order].tolist()
    np.testing.assert_allclose(
        scores, np.take_along_axis(similarity, order, axis=1), rtol=1e-5
    )


@every_index
def test_ids_are_row_numbers_by_default(kind):
    embeddings = gallery()
    found, _ = kind.build(embeddings).search(embeddings[:3], k=1)
    assert found.tolist() == [["0"], ["1"], ["2"]]


@every_index
def test_one_query_and_the_whole_gallery(kind):
    index = kind.build(gallery())
    found, scores = index.search(gallery()[0], k=60)
    assert found.shape == scores.shape == (1, 60)
    assert sorted(found[0], key=int) == [str(i) for i in range(60)]


@every_index
def test_index_comes_back_from_its_file(kind, tmp_path):
    index = kind.build(gallery(), ids=[f"ü{i}" for i in range(60)])
    index.save(tmp_path / "index.npz")
    loaded = kind.load(tmp_path / "index.npz")
    for one, other in zip(
        index.search(gallery()), loaded.search(gallery()), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert len(loaded) == 60 and loaded.dim == 16
    assert [path.name for path in tmp_path.iterdir()] == ["index.npz"]


@every_index
def test_stored_embeddings_can_be_read_back(kind):
    np.testing.assert_array_equal(kind.build(gallery()).embeddings, gallery())


@every_index
@pytest.mark.parametrize(
    ("embeddings", "ids", "message"),
    [
        (np.ones((0, 4)), None, r"received shape \(0, 4\)"),
        (np.full((2, 4), np.nan), None, "NaN or infinity"),
        (np.ones((2, 4)), ["a", "a"], "'a' occurs 2 times"),
        (np.ones((2, 4)), ["a"], r"ids of shape \(1,\)"),
    ],
)
def test_bad_galleries_are_named(kind, embeddings, ids, message):
    with pytest.raises(ValueError, match=message):
        kind.build(embeddings, ids)


@every_index
def test_bad_queries_are_named(kind):
    index = kind.build(gallery())
    with pytest.raises(ValueError, match=r"k must be in 1..60.*received 61"):
        index.search(gallery()[:1], k=61)
    with pytest.raises(ValueError, match=r"\(Q, 16\); received shape \(1, 3\)"):
        index.search(np.ones((1, 3)))
    with pytest.raises(ValueError, match="NaN"):
        index.search(np.full((1, 16), np.nan))


def test_file_of_another_kind_is_refused(tmp_path):
    class OtherIndex(kd.index.ExactIndex):
        pass

    kd.index.ExactIndex.build(gallery()).save(tmp_path / "index.npz")
    with pytest.raises(ValueError, match="holds a ExactIndex; expected"):
        OtherIndex.load(tmp_path / "index.npz")


@pytest.mark.scann
def test_tree_meets_its_recall_and_survives_its_file(tmp_path):
    random = np.random.default_rng(0)
    centres = random.normal(size=(100, 32))
    embeddings = centres[random.integers(0, 100, 4000)]
    embeddings = embeddings + 0.5 * random.normal(size=embeddings.shape)
    index = kd.index.ScannIndex.build(embeddings, recall_floor=0.9)
    oracle = kd.index.ExactIndex.build(embeddings)
    assert kd.index.measure_recall(index, oracle) >= 0.9
    index.save(tmp_path / "index.npz")
    loaded = kd.index.ScannIndex.load(tmp_path / "index.npz")
    for one, other in zip(
        index.search(embeddings[:50]),
        loaded.search(embeddings[:50]),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.scann
def test_floor_is_met_where_there_are_no_clusters_to_help():
    embeddings = gallery(num_items=6000, dim=128)
    index = kd.index.ScannIndex.build(embeddings, recall_floor=0.99)
    oracle = kd.index.ExactIndex.build(embeddings)
    assert kd.index.measure_recall(index, oracle) >= 0.99


@pytest.mark.scann
def test_missing_neighbours_are_filled_up():
    embeddings = gallery(num_items=3000)
    index = kd.index.ScannIndex.build(embeddings, recall_floor=0.0)
    index._leaves_to_search = 1
    ids, scores = index.search(embeddings[:20], k=1500)
    assert ids.shape == scores.shape == (20, 1500)
    missing = ids == ""
    assert missing.any() and np.all(np.isneginf(scores[missing]))
    assert np.isfinite(scores[~missing]).all()


def test_recall_counts_the_shared_neighbours():
    class HalfWrong(kd.index.ExactIndex):
        def lookup(self, queries, k):
            rows, scores = super().lookup(queries, k)
            return tf.concat([rows[:, : k // 2], -rows[:, k // 2 :]], 1), scores

    oracle = kd.index.ExactIndex.build(gallery())
    half = HalfWrong.build(gallery())
    recall = kd.index.measure_recall(half, oracle, k=10)
    # Negative rows have no id; row 0 negated is itself.
    assert 0.5 <= recall < 0.55


@every_index
def test_near_ties_do_not_count_against_an_index(kind):
    noise = np.random.default_rng(0).normal(size=(800, 16))
    embeddings = np.eye(16)[0] + 1e-4 * noise
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    oracle = kd.index.ExactIndex.build(embeddings)
    assert kd.index.measure_recall(kind.build(embeddings), oracle) > 0.95
