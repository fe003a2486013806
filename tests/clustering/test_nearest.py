"""Assignment to given centroids."""

import numpy as np
import pytest

from keras_dvml.clustering import nearest_centroids


@pytest.mark.parametrize("engine", ["tensorflow", "faiss"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_ids_and_distances_equal_a_full_table(engine, metric):
    random = np.random.default_rng(0)
    points, centroids = random.normal(size=(500, 7)), random.normal(size=(9, 7))
    ids, distances = nearest_centroids(
        points, centroids, metric=metric, engine=engine
    )
    if metric == "cosine":
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
        table = 1 - points @ centroids.T
    else:
        table = np.linalg.norm(points[:, None] - centroids, axis=2)
    assert ids.tolist() == table.argmin(axis=1).tolist()
    assert (ids.dtype, distances.dtype) == (np.int64, np.float32)
    np.testing.assert_allclose(distances, table.min(axis=1), atol=1e-5)


def test_blocks_of_rows_change_nothing(monkeypatch):
    points = np.random.default_rng(0).normal(size=(50, 4))
    whole = nearest_centroids(points, points[:7])[0]
    monkeypatch.setattr("keras_dvml.clustering.nearest._SCORES_AT_ONCE", 7 * 8)
    assert nearest_centroids(points, points[:7])[0].tolist() == whole.tolist()


def test_an_embedding_is_at_no_distance_of_itself():
    points = np.random.default_rng(0).normal(size=(50, 64))
    for metric in ("cosine", "euclidean"):
        ids, distances = nearest_centroids(points, points, metric=metric)
        assert ids.tolist() == list(range(50))
        np.testing.assert_allclose(distances, 0, atol=1e-6)


def test_malformed_centroids_are_named():
    with pytest.raises(ValueError, match=r"centroids must be \(N, 2\)"):
        nearest_centroids(np.ones((4, 2)), np.ones((3, 5)))
    with pytest.raises(ValueError, match="centroids must be real numbers"):
        nearest_centroids(np.ones((4, 2)), [["1", "2"]])
