"""Ids that keep their meaning from round to round."""

import time

import numpy as np
import pytest
from scipy import optimize
from sklearn import metrics

import keras_dvml as kd
from keras_dvml.clustering import align_clusters, k_means


def test_a_mere_renaming_is_undone():
    random = np.random.default_rng(0)
    previous = random.integers(0, 30, 500)
    renamed = random.permutation(30)[previous]
    aligned = align_clusters(renamed, previous)
    assert aligned.dtype == np.int64
    assert aligned.tolist() == previous.tolist()


@pytest.mark.parametrize(("num_new", "num_old"), [(9, 9), (6, 9), (9, 6)])
def test_agreement_equals_the_hungarian_algorithm(num_new, num_old):
    random = np.random.default_rng(num_new)
    for _ in range(20):
        new = random.integers(0, num_new, 60)
        old = random.integers(0, num_old, 60)
        table = np.zeros((9, 9), int)
        np.add.at(table, (new, old), 1)
        rows, columns = optimize.linear_sum_assignment(table, maximize=True)
        aligned = align_clusters(new, old)
        assert np.sum(aligned == old) == table[rows, columns].sum()
        # Renamed and nothing else: the partition is the same.
        assert metrics.adjusted_rand_score(aligned, new) == 1
        assert aligned.max() < 9


def test_of_equally_good_namings_the_one_that_renames_least_is_taken():
    # Each new cluster has one member of each old one.
    assert align_clusters([0, 0, 1, 1], [0, 1, 0, 1]).tolist() == [0, 0, 1, 1]
    assert align_clusters([1, 1, 0, 0], [0, 1, 0, 1]).tolist() == [1, 1, 0, 0]


def test_a_cluster_without_overlap_gets_a_free_id():
    # New 0 and 1 both come from old 2; the larger part keeps the id, the other
    # takes its own, 0, which no cluster of this round has.
    aligned = align_clusters([0, 1, 1, 2, 2], [2, 2, 2, 1, 1])
    assert aligned.tolist() == [0, 2, 2, 1, 1]


def test_noise_stays_noise_and_counts_for_nothing():
    aligned = align_clusters([-1, -1, 0, 1, 1], [0, 0, 1, -1, 0])
    assert aligned.tolist() == [-1, -1, 1, 0, 0]
    assert align_clusters([-1, -1], [0, 1]).tolist() == [-1, -1]
    assert align_clusters([1, 0], [-1, -1]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("new", "old", "message"),
    [
        ([0, 1], [0, 1, 1], "previous_assignments must be 2, .*received 3"),
        ([0.5, 1], [0, 1], "assignments must be one integer .*float64"),
        ([0, 1], [[0], [1]], r"previous_assignments .*shape \(2, 1\)"),
    ],
)
def test_malformed_ids_are_named(new, old, message):
    with pytest.raises(ValueError, match=message):
        align_clusters(new, old)


def test_ten_thousand_clusters_are_aligned_in_seconds():
    random = np.random.default_rng(0)
    previous = random.integers(0, 10_000, 60_000)
    renamed = random.permutation(10_000)[previous]
    moved = random.choice(60_000, 6_000, replace=False)
    renamed[moved] = random.integers(0, 10_000, 6_000)
    start = time.perf_counter()
    aligned = align_clusters(renamed, previous)
    # 0.1 s on two idle cores; a dense table alone would take 800 MB.
    assert time.perf_counter() - start < 20
    assert np.mean(aligned == previous) >= 0.89


def test_clustering_takes_its_centroids_and_sizes_along():
    points = np.float32([[0], [0.1], [0.2], [5], [5.1], [9]])
    found = k_means(
        points,
        3,
        initial_centroids=np.float32([[9], [0], [5]]),
        metric="euclidean",
    )
    assert found.assignments.tolist() == [1, 1, 1, 2, 2, 0]
    aligned = found.align([0, 0, 0, 1, 1, 2])
    assert aligned.assignments.tolist() == [0, 0, 0, 1, 1, 2]
    assert aligned.sizes.tolist() == [3, 2, 1]
    np.testing.assert_allclose(aligned.centroids[:, 0], [0.1, 5.05, 9], 1e-5)
    assert aligned.inertia == found.inertia
    assert aligned.distances.tolist() == found.distances.tolist()


def test_clustering_aligned_with_more_clusters_leaves_ids_unused():
    points = np.float32([[0], [0.1], [5], [5.1]])
    found = k_means(points, 2, metric="euclidean", seed=1)
    aligned = found.align([3, 3, 1, 1])
    assert aligned.assignments.tolist() == [3, 3, 1, 1]
    assert aligned.sizes.tolist() == [0, 2, 0, 2]
    assert np.isnan(aligned.centroids[[0, 2]]).all()
    np.testing.assert_allclose(aligned.centroids[[1, 3], 0], [5.05, 0.05], 1e-5)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("engine", ["tensorflow", "faiss"])
def test_aligned_centroids_serve_what_they_are_for(engine, metric):
    # Three clusters of which two are left, the middle one's id unused.
    random = np.random.default_rng(0)
    points = np.repeat(np.eye(3), 20, axis=0)
    points += 0.01 * random.normal(size=points.shape)
    left = points[[*range(20), *range(40, 60)]]
    now = kd.clustering.k_means(left, 2, metric=metric).align(
        np.repeat([0, 2], 20)
    )
    assert now.sizes.tolist() == [20, 0, 20]
    how = {"engine": engine, "metric": metric}
    ids, distances = kd.clustering.nearest_centroids(left, now.centroids, **how)
    assert ids.tolist() == np.repeat([0, 2], 20).tolist()
    assert distances.max() < 0.1
    # Once there is a cluster in the middle again, it gets the free id.
    again = kd.clustering.k_means(
        points, 3, initial_centroids=now.centroids, **how
    )
    assert again.sizes.tolist() == [20, 20, 20]
    assert len(set(again.assignments[20:40])) == 1
    assert np.isfinite(again.centroids).all()


def test_centroid_that_is_none_only_in_part_is_refused():
    centroids = np.eye(3)
    centroids[1, 2] = np.nan
    centroids[0] = np.nan
    with pytest.raises(ValueError, match="centroids must be finite.* row 1"):
        kd.clustering.nearest_centroids(np.eye(3), centroids)
