"""Clusters by density, whose number is not given beforehand."""

import numpy as np

from keras_dvml.clustering.clustering import summarize
from keras_dvml.clustering.points import place_points


def hdbscan(
    embeddings, *, min_cluster_size=5, min_samples=None, metric="cosine"
):
    """Finds dense groups of embeddings, as many as there are.

    Embeddings between the groups are noise. They get the id -1 and belong to
    no cluster: centroids, sizes and inertia leave them out. -1 is no label to
    train with; either leave those embeddings out of the batches, or give them
    the nearest cluster with `nearest_centroids`.

    Time grows with the square of N; 10,000 embeddings of width 128 took ten
    seconds.

    Args:
        embeddings: `(N, dim)` float array or memory map.
        min_cluster_size: int in 2..N. The fewest members of a cluster.
        min_samples: int >= 1 or `None`. Neighbours that make a place dense;
            more of them call more embeddings noise. By default
            min_cluster_size.
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

    points = place_points(embeddings, metric)
    num_points = len(points.values)
    for name, value, least in (
        ("min_cluster_size", min_cluster_size, 2),
        ("min_samples", 1 if min_samples is None else min_samples, 1),
    ):
        if not least <= value <= num_points:
            raise ValueError(
                f"{name} must be in {least}..{num_points}, the number of "
                f"embeddings; received {value}"
            )
    assignments = cluster.HDBSCAN(
        min_cluster_size, min_samples=min_samples, copy=True
    ).fit_predict(points.values)
    num_clusters = assignments.max() + 1
    if not num_clusters:
        raise ValueError(
            f"no group of at least min_cluster_size={min_cluster_size} among "
            f"{num_points} embeddings is denser than what is around it; a "
            "smaller min_cluster_size or min_samples finds more"
        )
    centroids = points.means(assignments, num_clusters)
    return summarize(points, assignments.astype(np.int64), centroids)
