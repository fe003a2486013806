"""Clusterers of scikit-learn in rounds."""

import numpy as np
import pytest
from sklearn import cluster

import keras_dvml as kd
from keras_dvml.clustering import sklearn_clusterer


def blobs(num_points=300, dim=8, num_blobs=6, spread=0.1):
    random = np.random.default_rng(0)
    labels = np.arange(num_points) % num_blobs
    points = 3 * np.eye(num_blobs, dim)[labels]
    points += spread * random.normal(size=points.shape)
    return points.astype(np.float32), labels


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "estimator",
    [
        cluster.KMeans(6, random_state=0),
        cluster.MiniBatchKMeans(6, random_state=0),
        cluster.AgglomerativeClustering(6, linkage="average"),
        cluster.Birch(threshold=0.1, n_clusters=6),
        cluster.DBSCAN(eps=0.2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_estimator_is_copied_and_fitted(estimator):
    points, labels = blobs()
    before = repr(estimator.get_params())
    found = sklearn_clusterer(estimator)(points, None)
    assert repr(estimator.get_params()) == before
    assert not hasattr(estimator, "labels_")
    aligned = found.align(labels)
    assert aligned.assignments.tolist() == labels.tolist()
    expected = unit(
        np.stack([unit(points[labels == one]).mean(axis=0) for one in range(6)])
    )
    np.testing.assert_allclose(aligned.centroids, expected, atol=1e-5)
    assert aligned.sizes.tolist() == [50] * 6


def test_later_rounds_start_from_the_centroids_before():
    points, labels = blobs()
    before = kd.clustering.k_means(points, 6, initial_centroids=points[:6])
    # The start names the clusters.
    found = sklearn_clusterer(cluster.KMeans(6))(points, before)
    assert found.assignments.tolist() == labels.tolist()
    # What has no start is fitted without.
    agglomerative = sklearn_clusterer(cluster.AgglomerativeClustering(6))
    assert agglomerative(points, before).sizes.tolist() == [50] * 6


def test_seed_is_that_of_the_estimator():
    points, _ = blobs(spread=1.5)

    def labels(seed):
        estimator = cluster.KMeans(7, n_init=1, random_state=seed)
        return sklearn_clusterer(estimator)(points, None).assignments.tolist()

    assert labels(0) == labels(0) != labels(1)


def test_euclidean_clusters_differ_by_length():
    points = np.float32([[1, 0], [2, 0], [9, 0], [10, 0]])
    estimator = cluster.AgglomerativeClustering(2)
    found = sklearn_clusterer(estimator, metric="euclidean")(points, None)
    assert found.align([0, 0, 1, 1]).assignments.tolist() == [0, 0, 1, 1]


def test_noise_belongs_to_no_cluster():
    points, _ = blobs(num_points=60)
    points[0] = -1
    found = sklearn_clusterer(cluster.DBSCAN(eps=0.2))(points, None)
    assert found.num_noise == 1 and found.assignments[0] == -1
    with pytest.raises(ValueError, match="no cluster among 60 embeddings"):
        sklearn_clusterer(cluster.DBSCAN(eps=1e-6))(points, None)


@pytest.mark.parametrize("estimator", [cluster.KMeans, "kmeans", 3])
def test_what_is_no_clusterer_is_refused(estimator):
    with pytest.raises(
        TypeError, match="a clusterer of scikit-learn; received"
    ):
        sklearn_clusterer(estimator)
