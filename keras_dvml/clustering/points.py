"""Embeddings and centroids as a metric sees them."""

from typing import NamedTuple

import numpy as np

METRICS = ("cosine", "euclidean")

_ROWS_AT_ONCE = 4096


class Points(NamedTuple):
    """Embeddings placed so that a metric can be computed well.

    For the cosine they have unit length; for the Euclidean distance their mean
    is moved to the origin, or the digits that tell near embeddings apart would
    be lost to what they all have in common.

    Attributes:
        values: `(N, dim)` float32 array, the embeddings as placed.
        origin: `(dim,)` float32 array that was subtracted, or 0.
        metric: str.
    """

    values: np.ndarray
    origin: np.ndarray | float
    metric: str

    def place(self, centroids):
        """Returns `(K, dim)` centroids placed as the embeddings are."""
        return direction(centroids, self.metric) - self.origin

    def means(self, assignments, num_clusters):
        """Centroids of clusters, as placed; zeros for an empty one.

        The mean of the members; for the cosine, its direction.

        Args:
            assignments: `(N,)` int array; a negative id belongs to no cluster.
            num_clusters: int. K.

        Returns:
            `(K, dim)` float32 array.
        """
        from scipy import sparse

        # Noise has a row of its own, the last, which is left out. A column
        # for each embedding: they are then added up in the order they lie in.
        clusters = np.where(assignments < 0, num_clusters, assignments)
        num_points = len(clusters)
        membership = sparse.csc_matrix(
            (
                np.ones(num_points, np.float32),
                clusters,
                np.arange(num_points + 1),
            ),
            shape=(num_clusters + 1, num_points),
        )
        sums = (membership @ self.values)[:num_clusters]
        sizes = np.bincount(clusters, minlength=num_clusters)[:num_clusters]
        means = sums / np.maximum(sizes, 1).astype(np.float32)[:, None]
        return direction(means, self.metric)

    def distances(self, assignments, centroids):
        """Distance of each embedding to the centroid it is assigned to.

        Args:
            assignments: `(N,)` int array of ids >= 0.
            centroids: `(K, dim)` float32 array, as placed.

        Returns:
            `(N,)` float32 array: `1 - cosine`, or the Euclidean distance.
        """
        distances = np.empty(len(assignments), np.float32)
        for start in range(0, len(assignments), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            own, block = centroids[assignments[rows]], self.values[rows]
            if self.metric == "cosine":
                cosine = np.einsum("nd,nd->n", block, own)
                distances[rows] = np.maximum(1.0 - cosine, 0.0)
            else:
                distances[rows] = np.linalg.norm(block - own, axis=1)
        return distances


def place_points(embeddings, metric):
    """Returns embeddings as `Points`; what was passed stays as it is.

    Raises:
        ValueError: If the metric is unknown, or embeddings are no float matrix,
            empty, or not finite.
    """
    if metric not in METRICS:
        raise ValueError(
            f"metric must be one of {METRICS}; received {metric!r}"
        )
    embeddings = checked_rows(embeddings, "embeddings")
    origin = 0.0
    if metric == "euclidean":
        origin = embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
    values = np.empty(embeddings.shape, np.float32)
    # Block by block: a memory map is never read whole.
    for start in range(0, len(embeddings), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        values[rows] = direction(embeddings[rows], metric) - origin
    return Points(values, origin, metric)


def direction(rows, metric):
    """Returns rows as float32, scaled to length 1 if the metric is the cosine.

    A row of zeros has no direction and stays.
    """
    rows = np.asarray(rows, np.float32)
    if metric != "cosine":
        return rows
    # By the largest entry first: float32 has no squares of very small ones.
    scale = np.abs(rows).max(axis=1, keepdims=True)
    rows = rows / np.where(scale > 0, scale, 1)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)


def checked_rows(rows, name):
    """Returns a `(N, dim)` float array whose lengths are finite in float32.

    Raises:
        ValueError: If it is no float matrix, empty, or not finite.
    """
    rows = np.asarray(rows)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(
            f"{name} must be (N, dim) with N, dim >= 1; received shape "
            f"{rows.shape}"
        )
    if not np.issubdtype(rows.dtype, np.floating):
        raise ValueError(f"{name} must be float; received dtype {rows.dtype}")
    finite = np.empty(len(rows), bool)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            block = rows[start : start + _ROWS_AT_ONCE]
            block = block.astype(np.float32, copy=False)
            squared_length = np.einsum("nd,nd->n", block, block)
            finite[start : start + len(block)] = np.isfinite(squared_length)
    if not finite.all():
        raise ValueError(
            f"{name} must be finite, and so must their squared lengths in "
            f"float32; {np.count_nonzero(~finite)} of {len(finite)} rows hold "
            "NaN, infinity or too large numbers, the first being row "
            f"{np.argmin(finite)}"
        )
    return rows
