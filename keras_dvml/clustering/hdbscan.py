"""Clusters by density, whose number is not given beforehand."""

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_in_range
from keras_dvml.clustering.clustering import Clustering, summarize
from keras_dvml.clustering.points import prepare_points


def hdbscan(
    embeddings: ArrayLike,
    *,
    min_cluster_size: int = 5,
    min_samples: int | None = None,
    metric: str = "cosine",
) -> Clustering:
    """Finds dense groups of embeddings, as many as there are.

    Embeddings between the groups are noise. They get the id -1 and belong to
    no cluster: centroids, sizes and inertia leave them out. -1 is no label to
    train with; either leave those embeddings out of the batches, or give them
    the nearest cluster with `nearest_centroids`.

    Time grows with the square of N; 10,000 embeddings of width 128 took ten
    seconds.

    Args:
        embeddings: `(N, dim)` float array or memory map.
        min_cluster_size: 2..N. The fewest members of a cluster.
        min_samples: 1..N or `None`. Neighbours that make a place dense; more
            of them call more embeddings noise. By default min_cluster_size.
        metric: `"cosine"`, which is the Euclidean distance of embeddings
            scaled to length 1, or `"euclidean"`.

    Returns:
        `Clustering`; the distance of noise is that to the nearest centroid.

    Raises:
        ValueError: If embeddings are malformed or not finite, an argument is
            out of range, or everything is noise.

    Example:
        >>> import keras_dvml as kd
        >>> clustering = kd.clustering.hdbscan(
        ...     [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [99.0]],
        ...     min_cluster_size=3,
        ...     metric="euclidean",
        ... )
        >>> clustering.num_clusters, clustering.num_noise
        (2, 1)

    Reference:
        [Campello et al., 2013](https://doi.org/10.1007/978-3-642-37456-2_14)
    """
    from sklearn import cluster

    points = prepare_points(embeddings, metric)
    limits = len(points.values), "the number of embeddings"
    check_in_range(2, *limits, min_cluster_size=min_cluster_size)
    if min_samples is not None:
        check_in_range(1, *limits, min_samples=min_samples)
    assignments = cluster.HDBSCAN(
        min_cluster_size, min_samples=min_samples, copy=True
    ).fit_predict(points.values)
    if assignments.max() < 0:
        raise ValueError(
            f"min_cluster_size={min_cluster_size} leaves only noise among "
            f"{len(assignments)} embeddings; a smaller min_cluster_size or "
            "min_samples finds more"
        )
    centroids = points.means(assignments, assignments.max() + 1)
    return summarize(points, assignments.astype(np.int64), centroids)
