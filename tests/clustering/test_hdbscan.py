"""Clusters whose number is not given."""

import numpy as np
import pytest
from sklearn import cluster

import keras_dvml as kd
from keras_dvml.clustering import ClusterSizeWarning, hdbscan


def groups_and_noise():
    """Four groups of 25 directions, lengths varied, and 10 scattered points."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 25)
    points = np.eye(4, 6)[labels] + 0.03 * random.normal(size=(100, 6))
    points *= random.uniform(0.5, 2, (100, 1))
    noise = -np.abs(random.normal(size=(10, 6)))
    return np.concatenate([points, noise]).astype(np.float32), labels


def test_number_of_clusters_is_found():
    points, labels = groups_and_noise()
    found = hdbscan(points, min_cluster_size=15)
    assert found.num_clusters == 4
    agreed = kd.clustering.align_clusters(found.assignments[:100], labels)
    assert np.mean(agreed == labels) > 0.95


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_labels_equal_scikit_learn(metric):
    points, _ = groups_and_noise()
    found = hdbscan(points, min_cluster_size=6, min_samples=3, metric=metric)
    if metric == "cosine":
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
    oracle = cluster.HDBSCAN(min_cluster_size=6, min_samples=3, copy=True)
    assert found.assignments.tolist() == oracle.fit_predict(points).tolist()
    assert found.assignments.dtype == np.int64


def test_noise_belongs_to_no_cluster_but_has_a_nearest():
    points, _ = groups_and_noise()
    found = hdbscan(points, min_cluster_size=15)
    noise = found.assignments == -1
    assert noise[100:].all()
    assert found.num_noise == noise.sum() == 110 - found.sizes.sum()
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    for number in range(4):
        mean = unit[found.assignments == number].mean(axis=0)
        np.testing.assert_allclose(
            found.centroids[number], mean / np.linalg.norm(mean), atol=1e-5
        )
    cosine = unit @ found.centroids.T
    np.testing.assert_allclose(
        found.distances[noise], 1 - cosine[noise].max(axis=1), atol=1e-5
    )
    own = cosine[np.arange(110), found.assignments]
    assert found.inertia == pytest.approx((1 - own)[~noise].sum(), rel=1e-4)
    ids, distances = kd.clustering.nearest_centroids(points, found.centroids)
    assert ids[noise].tolist() == cosine[noise].argmax(axis=1).tolist()
    np.testing.assert_allclose(distances[noise], found.distances[noise])


def test_dominating_group_warns():
    random = np.random.default_rng(0)
    points = np.concatenate(
        [
            random.normal(0, 0.1, (60, 2)),
            random.normal(9, 0.1, (10, 2)),
            random.normal(-9, 0.1, (10, 2)),
        ]
    )
    with pytest.warns(ClusterSizeWarning, match="60 of 80.*60, 10, 10"):
        hdbscan(points, min_cluster_size=10, min_samples=3, metric="euclidean")


def test_nothing_but_noise_is_an_error():
    points = np.random.default_rng(0).normal(size=(30, 8))
    with pytest.raises(ValueError, match="min_cluster_size=20 .*among 30"):
        hdbscan(points, min_cluster_size=20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_cluster_size": 1}, r"min_cluster_size must be in 2\.\.10.* 1$"),
        ({"min_cluster_size": 11}, "received 11"),
        ({"min_samples": 11}, r"min_samples must be in 1\.\.10.*received 11"),
        ({"min_samples": 0}, "min_samples .*received 0"),
        ({"metric": "l1"}, "metric must be one of"),
    ],
)
def test_malformed_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        hdbscan(np.eye(10), **arguments)
