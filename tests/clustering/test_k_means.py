"""k-means against its oracles, and what odd input gets."""

import warnings

import faiss
import numpy as np
import pytest
from sklearn import cluster, exceptions

import keras_dvml as kd
from keras_dvml.clustering import (
    ClusterSizeWarning,
    k_means,
    k_means_clusterer,
)

ENGINES = ("tensorflow", "faiss")
METRICS = ("cosine", "euclidean")
every_engine = pytest.mark.parametrize("engine", ENGINES)
every_metric = pytest.mark.parametrize("metric", METRICS)


def blobs(num_points=300, dim=8, num_blobs=6, spread=0.1, seed=0):
    """Points around centres that stand far from each other."""
    random = np.random.default_rng(seed)
    centres = 3 * np.eye(num_blobs, dim)
    labels = np.arange(num_points) % num_blobs
    points = centres[labels] + spread * random.normal(size=(num_points, dim))
    return points.astype(np.float32), labels


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def naive_k_means(points, centroids, num_iterations, metric):
    """Lloyd's algorithm as the textbooks have it, in float64."""
    points, centroids = np.float64(points), np.float64(centroids)
    if metric == "cosine":
        points, centroids = unit(points), unit(centroids)
    for iteration in range(num_iterations + 1):
        squared = np.square(points[:, None] - centroids).sum(axis=2)
        assignments = squared.argmin(axis=1)
        if iteration == num_iterations:
            return assignments, centroids, squared.min(axis=1)
        for number in range(len(centroids)):
            centroids[number] = points[assignments == number].mean(axis=0)
        if metric == "cosine":
            centroids = unit(centroids)


@every_engine
@every_metric
def test_every_iteration_equals_a_naive_loop(engine, metric):
    # Not separated: members still move in each of these iterations.
    points, _ = blobs(spread=1.5)
    for num_iterations in (1, 2, 5):
        found = k_means(
            points,
            7,
            initial_centroids=points[:7],
            num_iterations=num_iterations,
            metric=metric,
            engine=engine,
        )
        assignments, centroids, squared = naive_k_means(
            points, points[:7], num_iterations, metric
        )
        assert found.assignments.tolist() == assignments.tolist()
        np.testing.assert_allclose(found.centroids, centroids, atol=1e-5)
        # |x - c|^2 = 2 (1 - cosine) for unit length.
        expected = squared / 2 if metric == "cosine" else np.sqrt(squared)
        np.testing.assert_allclose(found.distances, expected, atol=1e-5)
        inertia = squared.sum() / (2 if metric == "cosine" else 1)
        assert found.inertia == pytest.approx(inertia, rel=1e-5)
        assert found.sizes.tolist() == np.bincount(assignments).tolist()


@every_engine
def test_separated_clusters_equal_scikit_learn(engine):
    points, labels = blobs()
    start = points[:6] + 0.3
    found = k_means(
        points, 6, initial_centroids=start, metric="euclidean", engine=engine
    )
    oracle = cluster.KMeans(6, init=start, n_init=1, algorithm="lloyd")
    assert found.assignments.tolist() == oracle.fit_predict(points).tolist()
    assert found.assignments.tolist() == labels.tolist()
    np.testing.assert_allclose(
        found.centroids, oracle.cluster_centers_, atol=1e-5
    )
    assert found.inertia == pytest.approx(oracle.inertia_, rel=1e-5)


@every_engine
@every_metric
def test_equal_moves_from_an_equal_start_equal_faiss_k_means(engine, metric):
    points, _ = blobs(num_points=2000, dim=16, num_blobs=10, spread=1.5)
    points = np.ascontiguousarray(unit(points))
    oracle = faiss.Kmeans(
        16,
        20,
        niter=8,
        spherical=metric == "cosine",
        max_points_per_centroid=2000,
    )
    oracle.train(points, init_centroids=points[:20])
    found = k_means(
        points,
        20,
        initial_centroids=points[:20],
        num_iterations=8,
        metric=metric,
        engine=engine,
    )
    np.testing.assert_allclose(found.centroids, oracle.centroids, atol=1e-4)
    nearest = oracle.index.search(points, 1)[1][:, 0]
    assert np.mean(found.assignments == nearest) > 0.999


def test_inertia_is_within_a_percent_of_scikit_learn():
    points, _ = blobs(num_points=3000, dim=32, num_blobs=30, spread=0.8)
    ours = k_means(points, 60, metric="euclidean", num_iterations=20)
    oracle = cluster.KMeans(
        60, init="random", n_init=1, max_iter=20, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        oracle.fit(points)
    assert ours.inertia <= 1.01 * oracle.inertia_


@every_engine
def test_seed_sets_the_result(engine):
    points, _ = blobs(spread=1.5)
    first, again, other = (
        k_means(points, 7, seed=seed, engine=engine) for seed in (3, 3, 4)
    )
    assert first.assignments.tolist() == again.assignments.tolist()
    assert np.array_equal(first.centroids, again.centroids)
    assert first.assignments.tolist() != other.assignments.tolist()


@every_engine
@every_metric
def test_warm_start_where_nothing_moves_gives_identical_labels(engine, metric):
    points, _ = blobs(spread=0.5)
    first = k_means(points, 9, metric=metric, engine=engine, num_iterations=100)
    again = k_means(
        points,
        9,
        initial_centroids=first.centroids,
        metric=metric,
        engine=engine,
        seed=1,
    )
    assert again.assignments.tolist() == first.assignments.tolist()
    np.testing.assert_allclose(again.centroids, first.centroids, atol=1e-6)


@every_engine
def test_cosine_ignores_lengths_and_leaves_the_input_alone(engine):
    points, _ = blobs(spread=0.5)
    lengths = np.random.default_rng(0).uniform(0.1, 9, (len(points), 1))
    scaled = (lengths * points).astype(np.float32)
    before = scaled.copy()
    one, two = (k_means(rows, 6, engine=engine) for rows in (points, scaled))
    assert one.assignments.tolist() == two.assignments.tolist()
    assert np.array_equal(scaled, before)
    np.testing.assert_allclose(np.linalg.norm(one.centroids, axis=1), 1, 1e-5)


@every_engine
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_precisions_and_memory_maps_give_the_same_labels(
    engine, dtype, tmp_path
):
    points, labels = blobs()
    stored = np.lib.format.open_memmap(
        tmp_path / "embeddings.npy", "w+", dtype, points.shape
    )
    stored[:] = points
    read_only = np.load(tmp_path / "embeddings.npy", mmap_mode="r")
    strided = np.repeat(points.astype(dtype), 2, axis=1)[:, ::2]
    for rows in (points.astype(dtype), read_only, strided):
        found = k_means(
            rows, 6, initial_centroids=rows[:6], engine=engine
        ).assignments
        assert found.dtype == np.int64
        assert found.tolist() == labels.tolist()


@every_engine
def test_far_from_the_origin_euclidean_clusters_are_still_told_apart(engine):
    points, labels = blobs()
    # Squares of 3,000 leave float32 no digits for distances of about 1.
    found = k_means(
        points + 3000,
        6,
        initial_centroids=points[:6] + 3000,
        metric="euclidean",
        engine=engine,
    )
    assert found.assignments.tolist() == labels.tolist()
    np.testing.assert_allclose(found.centroids.mean(), points.mean() + 3000)


@every_engine
@every_metric
def test_empty_cluster_gets_half_of_the_largest(engine, metric):
    # All three blobs go to the first centroid; the other two get their
    # members by halving what is the largest.
    points, labels = blobs(num_blobs=3, dim=3)
    start = np.float32([[1, 1, 1], [-9, -9, -9], [-9, -9, -8]])
    found = k_means(
        points, 3, initial_centroids=start, metric=metric, engine=engine
    )
    assert found.num_reseeded >= 2
    assert found.num_empty == 0
    agreed = kd.clustering.align_clusters(found.assignments, labels)
    assert agreed.tolist() == labels.tolist()


@every_metric
def test_engines_share_one_policy_for_empty_clusters(metric):
    points, _ = blobs(spread=0.6)
    start = np.concatenate([points[:3], np.full((20, 8), -5, np.float32)])
    one, two = (
        k_means(
            points, 23, initial_centroids=start, metric=metric, engine=engine
        )
        for engine in ENGINES
    )
    # Of 20 equal rows only the first can have members.
    assert one.num_reseeded == two.num_reseeded >= 19
    assert one.assignments.tolist() == two.assignments.tolist()


@every_engine
def test_inertia_never_rises_while_clusters_are_reseeded(engine):
    points, _ = blobs(spread=0.6)
    start = np.concatenate([points[:3], np.full((20, 8), -5, np.float32)])
    inertias = [
        k_means(
            points,
            23,
            initial_centroids=start,
            num_iterations=number,
            metric="euclidean",
            engine=engine,
        ).inertia
        for number in range(1, 15)
    ]
    assert np.all(np.diff(inertias) <= 1e-5 * inertias[0])


@every_engine
def test_as_many_clusters_as_embeddings_have_one_member_each(engine):
    points, _ = blobs(num_points=12)
    found = k_means(points, 12, metric="euclidean", engine=engine)
    assert found.sizes.tolist() == [1] * 12
    assert found.num_single == 12
    assert found.inertia == pytest.approx(0, abs=1e-6)


@every_engine
def test_single_member_clusters_are_counted(engine):
    points = np.float32([[0], [0.1], [0.2], [50], [90], [90.1]])
    found = k_means(
        points,
        3,
        initial_centroids=points[[0, 3, 4]],
        metric="euclidean",
        engine=engine,
    )
    assert found.sizes.tolist() == [3, 1, 2]
    assert found.num_single == 1


@every_engine
@every_metric
@pytest.mark.filterwarnings("error")
def test_identical_embeddings_warn_with_the_sizes(engine, metric):
    # An odd width and count: blocks of the product then end unevenly.
    points = np.full((37, 5), 0.3, np.float32)
    with pytest.warns(ClusterSizeWarning) as record:
        found = k_means(points, 4, metric=metric, engine=engine)
    assert found.sizes.tolist() == [37, 0, 0, 0]
    assert found.num_empty == 3
    message = str(record[0].message)
    assert "all 37 embeddings are in cluster 0" in message
    assert "Sizes: 37, 0, 0, 0" in message
    assert record[0].filename == __file__
    # The next round starts from these centroids: it does no worse.
    with pytest.warns(ClusterSizeWarning):
        again = k_means(
            points,
            4,
            initial_centroids=found.centroids,
            metric=metric,
            engine=engine,
        )
    assert again.sizes.tolist() == [37, 0, 0, 0]


@every_engine
@every_metric
def test_fewer_distinct_embeddings_than_clusters_leave_the_rest_empty(
    engine, metric
):
    distinct = np.eye(3, 5, dtype=np.float32)
    points = distinct[np.arange(30) % 3]
    with pytest.warns(ClusterSizeWarning, match="3 of 6 clusters are empty"):
        found = k_means(points, 6, metric=metric, engine=engine)
    assert sorted(found.sizes.tolist()) == [0, 0, 0, 10, 10, 10]
    assert np.isfinite(found.centroids).all()


@every_engine
def test_dominating_cluster_warns_with_the_sizes(engine):
    points = np.float32([[0.0]] * 7 + [[5.0], [5.1], [9.0], [9.1], [9.2]])
    start = np.float32([[0], [5], [9]])
    with pytest.warns(
        ClusterSizeWarning, match=r"0 holds 7 of 12 .*Sizes: 7, 3, 2$"
    ):
        k_means(
            points,
            3,
            initial_centroids=start,
            metric="euclidean",
            engine=engine,
        )


@pytest.mark.filterwarnings("error")
def test_half_of_the_embeddings_or_one_of_two_clusters_is_no_warning():
    half = np.float32([[0.0]] * 6 + [[5.0]] * 3 + [[9.0]] * 3)
    k_means(half, 3, metric="euclidean")
    k_means(half[:8], 2, metric="euclidean")
    k_means(half, 1, metric="euclidean")


@every_engine
def test_zero_embedding_takes_no_other_with_it(engine):
    points, labels = blobs()
    points[0] = 0
    found = k_means(
        points, 6, initial_centroids=points[6:12], engine=engine
    ).assignments
    assert found[1:].tolist() == labels[1:].tolist()
    assert found[0] == 0


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.ones(4), r"embeddings must be \(N, dim\).*\(4,\)"),
        (np.ones((2, 3, 4)), r"\(2, 3, 4\)"),
        (np.ones((0, 4)), r"\(0, 4\)"),
        (np.ones((4, 0)), r"\(4, 0\)"),
        (np.full((4, 4), "a"), "must be real numbers; received <U1"),
        (np.float32([[1, 2], [np.nan, 1], [np.inf, 0]]), "2 of 3.*row 1"),
        (np.float64([[1, 2], [1e300, 1], [1, 0]]), "1 of 3.*row 1"),
    ],
)
def test_malformed_embeddings_are_named(embeddings, message):
    with pytest.raises(ValueError, match=message):
        k_means(embeddings, 2)


def test_nan_beyond_the_first_block_is_found():
    points = np.ones((10_000, 2), np.float32)
    points[9_999, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 10000 rows, .* row 9999"):
        k_means(points, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_clusters": 13}, r"num_clusters must be in 1\.\.12.*received 13"),
        ({"num_clusters": 0}, "received 0"),
        ({"num_iterations": 0}, "num_iterations must be at least 1; .* 0"),
        ({"seed": -1}, "seed must be at least 0; received -1"),
        ({"metric": "manhattan"}, "metric must be one of .*'manhattan'"),
        ({"engine": "torch"}, "engine must be one of .*received 'torch'"),
        (
            {"initial_centroids": np.ones((3, 8))},
            r"initial_centroids must be \(2, 8\); received shape \(3, 8\)",
        ),
        ({"initial_centroids": np.ones((2, 7))}, r"received shape \(2, 7\)"),
        (
            {"initial_centroids": np.full((2, 8), np.nan)},
            "initial_centroids must be finite.*2 of 2 rows",
        ),
    ],
)
def test_malformed_arguments_are_named(arguments, message):
    points, _ = blobs(num_points=12)
    with pytest.raises(ValueError, match=message):
        k_means(points, **{"num_clusters": 2, **arguments})


@pytest.mark.parametrize("engine", [cluster.KMeans(), cluster.KMeans, None])
def test_engine_that_is_no_name_is_refused(engine):
    with pytest.raises(TypeError, match="'faiss'; received .*sklearn_cluster"):
        k_means(np.eye(3), 2, engine=engine)


def test_clusterer_of_rounds_starts_from_the_centroids_before():
    points, labels = blobs()
    clusterer = k_means_clusterer(6, metric="euclidean", num_iterations=1)
    first = k_means(points, 6, initial_centroids=points[:6])
    expected = k_means(
        points,
        6,
        initial_centroids=first.centroids,
        metric="euclidean",
        num_iterations=1,
    )
    found = clusterer(points, first)
    assert found.assignments.tolist() == expected.assignments.tolist()
    fresh = k_means(points, 6, metric="euclidean", num_iterations=1)
    found = clusterer(points, None)
    assert found.assignments.tolist() == fresh.assignments.tolist()


def test_progress_bar_can_be_switched_on(capsys):
    points, _ = blobs(spread=1.5)
    k_means(points, 7)
    assert capsys.readouterr().out == ""
    k_means(points, 7, progress=True, num_iterations=3)
    assert "3/3" in capsys.readouterr().out


def test_default_engine_is_the_one_that_is_always_there():
    points, _ = blobs(spread=1.5)
    one, two = k_means(points, 7), k_means(points, 7, engine="tensorflow")
    assert one.assignments.tolist() == two.assignments.tolist()


def test_absent_faiss_is_named_and_the_room_imports_nothing_heavy(run_forked):
    code = """
import sys
import keras, tensorflow
before = set(sys.modules)
import keras_dvml as kd
kd.clustering
for name in ("faiss", "sklearn", "scipy"):
    assert name in before or name not in sys.modules, name
sys.modules["faiss"] = None
print(kd.clustering.k_means([[1.0, 0.0], [0.0, 1.0]], 2).num_single)
try:
    kd.clustering.k_means([[1.0, 0.0]], 1, engine="faiss")
except ImportError as error:
    print(error)
"""
    first, second = run_forked(code).splitlines()
    assert first == "2"
    assert "engine='faiss' needs faiss" in second
    assert second.endswith('pip install "faiss-cpu>=1.8"')
