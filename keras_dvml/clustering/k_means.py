"""k-means: seeded, warm-started, with no cluster left empty."""

import keras
import numpy as np

from keras_dvml.clustering.clustering import summarize
from keras_dvml.clustering.lloyd import lloyd, random_rows
from keras_dvml.clustering.nearest import checked_centroids, nearest_by
from keras_dvml.clustering.points import place_points
from keras_dvml.clustering.reseeding import reseed_empty


def k_means(
    embeddings,
    num_clusters,
    *,
    initial_centroids=None,
    num_iterations=20,
    metric="cosine",
    seed=0,
    engine=None,
    progress=False,
):
    """Divides embeddings into clusters around their means.

    Lloyd's algorithm: assign each embedding to the nearest centroid, move the
    centroids to the means of their members, until nothing moves. Starts from
    randomly chosen distinct embeddings. The same arguments give the same
    result, and the clustering of embeddings that have not changed, started
    from its own centroids once nothing moved, is the same again.

    - An empty cluster gets half of the largest one. Only where embeddings
      repeat, so that there are fewer distinct ones than clusters, do clusters
      stay empty; a `ClusterSizeWarning` says so.
    - All embeddings in one of several clusters, or more than half of them in
      one of three or more: a `ClusterSizeWarning` with the sizes.
    - Clusters of one member are counted in `Clustering.num_single`.
    - An embedding of zeros has no cosine; it counts as 0 to every centroid.

    Args:
        embeddings: `(N, dim)` float array or memory map.
        num_clusters: int in 1..N.
        initial_centroids: `(num_clusters, dim)` float array to start from, or
            `None`.
        num_iterations: int >= 1. How often the centroids are moved, at most.
        metric: `"cosine"`, which scales embeddings and centroids to length 1,
            or `"euclidean"`.
        seed: int >= 0. Seed of the choice of centroids.
        engine: `"tensorflow"`, `"faiss"`, or a scikit-learn clusterer with a
            parameter `n_clusters`, of which a copy is fitted. It is given the
            number of clusters and, where it takes them, the seed and the
            initial centroids; its iterations are its own. `None` is
            `"tensorflow"`: what is installed then changes no label.
        progress: bool. Whether to show a progress bar.

    Returns:
        `Clustering`.

    Raises:
        ImportError: If engine is `"faiss"` and faiss is not installed.
        ValueError: If there are more clusters than embeddings, embeddings or
            centroids are malformed or not finite, or another argument is out
            of range.

    Example:
        >>> import keras_dvml as kd
        >>> clustering = kd.clustering.k_means(
        ...     [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], num_clusters=2
        ... )
        >>> sorted(clustering.sizes.tolist()), clustering.num_single
        ([1, 2], 1)

    Reference:
        [Lloyd, 1982](https://doi.org/10.1109/TIT.1982.1056489)
    """
    points = place_points(embeddings, metric)
    _check_numbers(len(points.values), num_clusters, num_iterations, seed)
    centroids = None
    if initial_centroids is not None:
        centroids = checked_centroids(initial_centroids, points, num_clusters)
    if not (engine is None or isinstance(engine, str)):
        labels = _fit(engine, points.values, num_clusters, centroids, seed)
        assignments, num_reseeded = reseed_empty(
            points.values, labels, num_clusters
        )
        centroids = points.means(assignments, num_clusters)
        return summarize(points, assignments, centroids, num_reseeded)
    nearest = nearest_by(engine or "tensorflow")
    if centroids is None:
        centroids = random_rows(points.values, num_clusters, seed)
    bar = keras.utils.Progbar(
        num_iterations,
        verbose=int(progress),
        stateful_metrics=["moved"],
        unit_name="iteration",
    )
    return summarize(
        points, *lloyd(points, centroids, nearest, num_iterations, bar)
    )


def _check_numbers(num_points, num_clusters, num_iterations, seed):
    if not 1 <= num_clusters <= num_points:
        raise ValueError(
            f"num_clusters must be in 1..{num_points}, the number of "
            f"embeddings; received {num_clusters}"
        )
    for name, value, least in (
        ("num_iterations", num_iterations, 1),
        ("seed", seed, 0),
    ):
        if value < least:
            raise ValueError(
                f"{name} must be at least {least}; received {value}"
            )


def _fit(clusterer, points, num_clusters, centroids, seed):
    """Returns the labels that a copy of a scikit-learn clusterer finds."""
    from sklearn import base

    is_clusterer = isinstance(clusterer, base.ClusterMixin)
    settings = clusterer.get_params() if is_clusterer else {}
    if "n_clusters" not in settings:
        raise ValueError(
            "engine must be 'tensorflow', 'faiss', or a scikit-learn clusterer "
            f"with a parameter n_clusters; received {clusterer!r}"
        )
    changes = {"n_clusters": num_clusters}
    if settings.get("random_state", seed) is None:
        changes["random_state"] = seed
    if centroids is not None:
        if "init" not in settings:
            raise ValueError(
                "initial_centroids were given, but the engine has no parameter "
                f"init to start from them; received {clusterer!r}"
            )
        changes.update(init=centroids, n_init=1)
    labels = base.clone(clusterer).set_params(**changes).fit_predict(points)
    return np.asarray(labels, np.int64)
