"""k-means: seeded, warm-started, with no cluster left empty."""

from typing import Any

import keras
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_count, check_in_range
from keras_dvml.clustering.clustering import Clusterer, Clustering, summarize
from keras_dvml.clustering.lloyd import lloyd, random_rows
from keras_dvml.clustering.nearest import assigner_for
from keras_dvml.clustering.points import checked_centroids, prepare_points


def k_means(
    embeddings: ArrayLike,
    num_clusters: int,
    *,
    initial_centroids: ArrayLike | None = None,
    num_iterations: int = 20,
    metric: str = "cosine",
    seed: int = 0,
    engine: str = "tensorflow",
    progress: bool = False,
) -> Clustering:
    """Divides embeddings into clusters around their means.

    Lloyd's algorithm: assign each embedding to the nearest centroid, move the
    centroids to the means of their members, until nothing moves. Starts from
    randomly chosen distinct embeddings. The same arguments give the same
    result, and the clustering of embeddings that have not changed, started
    from its own centroids once nothing moved, is the same again.

    - An empty cluster gets half of the largest one. Only where embeddings
      repeat, so that there are fewer distinct ones than clusters, do clusters
      stay empty; a `ClusterSizeWarning` reports it.
    - All embeddings in one of several clusters, or more than half of them in
      one of three or more: a `ClusterSizeWarning` with the sizes.
    - Clusters of one member are counted in `Clustering.num_single`.
    - An embedding of zeros has no cosine; it counts as 0 to every centroid.

    Args:
        embeddings: `(N, dim)` float array or memory map.
        num_clusters: 1..N.
        initial_centroids: `(num_clusters, dim)` float array to start from, or
            `None`. A row of NaN, as `Clustering.align` leaves it, is a
            cluster that is empty at first.
        num_iterations: >= 1. How often the centroids are moved, at most.
        metric: `"cosine"`, which scales embeddings and centroids to length 1,
            or `"euclidean"`.
        seed: >= 0. Seed of the choice of centroids.
        engine: `"tensorflow"` or `"faiss"`: what computes distances. The
            default does not depend on what is installed, nor do labels then.
        progress: Whether to show a progress bar.

    Returns:
        `Clustering`.

    Raises:
        ImportError: If engine is `"faiss"` and faiss is not installed.
        TypeError: If engine is no str.
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
    points = prepare_points(embeddings, metric)
    num_points, dim = points.values.shape
    check_in_range(
        1, num_points, "the number of embeddings", num_clusters=num_clusters
    )
    check_count(1, num_iterations=num_iterations)
    check_count(0, seed=seed)
    assign = assigner_for(engine)
    if initial_centroids is None:
        centroids = random_rows(points.values, num_clusters, seed)
    else:
        centroids = checked_centroids(
            initial_centroids, "initial_centroids", dim
        )
        if len(centroids) != num_clusters:
            raise ValueError(
                f"initial_centroids must be ({num_clusters}, {dim}); received "
                f"shape {centroids.shape}"
            )
        centroids = points.prepare(centroids)
    bar = keras.utils.Progbar(
        num_iterations,
        verbose=int(progress),
        stateful_metrics=["moved"],
        unit_name="iteration",
    )
    found = lloyd(points, centroids, assign, num_iterations, bar)
    return summarize(points, *found)


def k_means_clusterer(num_clusters: int, **settings: Any) -> Clusterer:
    """Returns a function that clusters round after round by `k_means`.

    Each round starts from the centroids of the one before.

    Args:
        num_clusters: K.
        **settings: Further arguments of `k_means`.

    Returns:
        Function `(embeddings, previous) -> Clustering`, as
        `training.PseudoLabels` and `training.next_round` use it.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
        >>> clusterer = kd.clustering.k_means_clusterer(2, seed=1)
        >>> first = clusterer(embeddings, None)
        >>> second = clusterer(embeddings, first)
        >>> second.assignments.tolist() == first.assignments.tolist()
        True
    """
    return lambda embeddings, previous: k_means(
        embeddings,
        num_clusters,
        initial_centroids=None if previous is None else previous.centroids,
        **settings,
    )
