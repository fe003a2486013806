"""Embeddings and centroids as a metric sees them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_one_of, in_order
from keras_dvml.embeddings import (
    ROWS_AT_ONCE,
    blocks,
    checked_rows,
    unit_length,
)

METRICS = ("cosine", "euclidean")


class Points(NamedTuple):
    """Embeddings prepared so that a metric can be computed well.

    For the cosine they have unit length. For the Euclidean distance their mean
    is moved to the origin, or the digits in which near embeddings differ would
    be lost to what they all have in common.

    Attributes:
        values: `(N, dim)` float32 array, the embeddings as prepared.
        origin: `(dim,)` float32 array that was subtracted, or 0.
        metric: `"cosine"` or `"euclidean"`.
    """

    values: np.ndarray
    origin: np.ndarray | float
    metric: str

    def prepare(self, centroids: np.ndarray) -> np.ndarray:
        """Returns `(K, dim)` centroids prepared as the embeddings are."""
        return _scaled(centroids, self.metric) - self.origin

    def means(self, assignments: np.ndarray, num_clusters: int) -> np.ndarray:
        """Returns the `(K, dim)` centroids of clusters, as prepared.

        The mean of the members; for the cosine, its direction.

        Args:
            assignments: As for `cluster_means`.
            num_clusters: K.
        """
        means = cluster_means(self.values, assignments, num_clusters)
        return _scaled(means, self.metric)

    def distances(
        self, assignments: np.ndarray, centroids: np.ndarray
    ) -> np.ndarray:
        """Returns the distance of each embedding to its centroid.

        Args:
            assignments: `(N,)` int array of ids >= 0.
            centroids: `(K, dim)` float32 array, as prepared.

        Returns:
            `(N,)` float32 array: `1 - cosine`, or the Euclidean distance.
        """
        distances = np.empty(len(assignments), np.float32)
        for rows in blocks(len(assignments), ROWS_AT_ONCE):
            own, block = centroids[assignments[rows]], self.values[rows]
            if self.metric == "cosine":
                cosine = np.einsum("nd,nd->n", block, own)
                distances[rows] = np.maximum(1.0 - cosine, 0.0)
            else:
                distances[rows] = np.linalg.norm(block - own, axis=1)
        return distances


def prepare_points(embeddings: ArrayLike, metric: str) -> Points:
    """Returns embeddings as `Points`; what was passed is not changed.

    Args:
        embeddings: `(N, dim)` array or memory map.
        metric: `"cosine"` or `"euclidean"`.

    Raises:
        ValueError: If the metric is unknown, or embeddings are malformed or
            not finite.
    """
    check_one_of(METRICS, metric=metric)
    embeddings = checked_rows(embeddings)
    origin = 0.0
    if metric == "euclidean":
        origin = embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
    values = np.empty(embeddings.shape, np.float32)
    for rows in blocks(len(embeddings), ROWS_AT_ONCE):
        values[rows] = _scaled(embeddings[rows], metric) - origin
    return Points(values, origin, metric)


def checked_centroids(centroids: ArrayLike, name: str, dim: int) -> np.ndarray:
    """Returns centroids as a `(K, dim)` array, a row of NaN for none.

    `Clustering.align` leaves such rows for ids that have no cluster.

    Args:
        centroids: `(K, dim)` array.
        name: What the argument is called.
        dim: Width that they must have.

    Raises:
        ValueError: If they are no such matrix, no row is a centroid, or one
            is not finite but in part.
    """
    centroids = np.asarray(in_order(centroids, name))
    if centroids.ndim == 2 and centroids.dtype.kind == "f":
        is_none = np.isnan(centroids).all(axis=1, keepdims=True)
        if not is_none.all():
            checked_rows(np.where(is_none, 0, centroids), name, dim)
            return centroids
    return checked_rows(centroids, name, dim)


def cluster_means(
    rows: np.ndarray, assignments: np.ndarray, num_clusters: int
) -> np.ndarray:
    """Returns the `(K, dim)` float32 means of clusters; zeros for empty ones.

    Args:
        rows: `(N, dim)` float32 array.
        assignments: `(N,)` int array; a negative id belongs to no cluster.
        num_clusters: K.
    """
    from scipy import sparse

    # What belongs to no cluster has a row of its own, the last, which is left
    # out. A column each: they are then added up in the order they lie in.
    clusters = np.where(assignments < 0, num_clusters, assignments)
    membership = sparse.csc_matrix(
        (np.ones(len(rows), np.float32), clusters, np.arange(len(rows) + 1)),
        shape=(num_clusters + 1, len(rows)),
    )
    sums = (membership @ rows)[:num_clusters]
    sizes = np.bincount(clusters, minlength=num_clusters)[:num_clusters]
    return sums / np.maximum(sizes, 1).astype(np.float32)[:, None]


def _scaled(rows: np.ndarray, metric: str) -> np.ndarray:
    if metric == "cosine":
        return unit_length(rows)
    return np.asarray(rows, np.float32)
