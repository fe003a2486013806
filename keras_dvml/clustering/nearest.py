"""The nearest centroid of every embedding, by faiss or by TensorFlow."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_one_of
from keras_dvml.clustering.points import (
    Points,
    checked_centroids,
    prepare_points,
)
from keras_dvml.embeddings import blocks
from keras_dvml.extras import import_of

# Similarities held at once, 8 MiB: products of more rows are no faster.
_SCORES_AT_ONCE = 2**21


def nearest_centroids(
    embeddings: ArrayLike,
    centroids: ArrayLike,
    *,
    metric: str = "cosine",
    engine: str = "tensorflow",
) -> tuple[np.ndarray, np.ndarray]:
    """Assigns embeddings to the nearest of given centroids.

    For images that a clustering has not seen, or that it called noise.

    Args:
        embeddings: `(N, dim)` float array.
        centroids: `(K, dim)` float array; a row of NaN, as `Clustering.align`
            leaves it, is the nearest of nothing.
        metric: `"cosine"` or `"euclidean"`.
        engine: `"tensorflow"` or `"faiss"`.

    Returns:
        Tuple of `(N,)` int64 ids in 0..K-1, the lowest where several centroids
        are equally near, and `(N,)` float32 distances: `1 - cosine` in 0..2,
        or the Euclidean distance.

    Raises:
        ImportError: If engine is `"faiss"` and faiss is not installed.
        ValueError: If an argument is malformed.

    Example:
        >>> import keras_dvml as kd
        >>> ids, distances = kd.clustering.nearest_centroids(
        ...     [[2.0, 0.0], [0.0, 3.0]], [[0.0, 1.0], [1.0, 0.0]]
        ... )
        >>> ids.tolist(), distances.tolist()
        ([1, 0], [0.0, 0.0])
    """
    points = prepare_points(embeddings, metric)
    centroids = checked_centroids(
        centroids, "centroids", points.values.shape[1]
    )
    centroids = points.prepare(centroids)
    ids = np.flatnonzero(~np.isnan(centroids[:, 0]))
    assignments = ids[assigner_for(engine)(points, centroids[ids])]
    return assignments, points.distances(assignments, centroids)


def assigner_for(engine: str) -> Callable[[Points, np.ndarray], np.ndarray]:
    """Returns an engine's function of (`Points`, prepared centroids) -> ids.

    Args:
        engine: `"tensorflow"` or `"faiss"`.

    Raises:
        ImportError: If engine is `"faiss"` and faiss is not installed.
        TypeError: If engine is no str.
        ValueError: If there is no such engine.
    """
    if not isinstance(engine, str):
        raise TypeError(
            "engine must be 'tensorflow' or 'faiss'; received "
            f"{engine!r}. sklearn_clusterer clusters with scikit-learn"
        )
    check_one_of(("tensorflow", "faiss"), engine=engine)
    if engine == "tensorflow":
        return _assign_by_tensorflow
    _faiss()
    return _assign_by_faiss


def _assign_by_tensorflow(points, centroids):
    # ||x - c||^2 = ||x||^2 + 2 (||c||^2 / 2 - <x, c>)
    bias = 0.0
    if points.metric == "euclidean":
        bias = np.square(centroids).sum(axis=1) / 2
    # Neither the scores nor the copy of the rows may outgrow memory.
    rows_at_once = max(1, _SCORES_AT_ONCE // max(centroids.shape))
    centroids, bias = tf.constant(centroids), tf.constant(bias, tf.float32)
    assignments = np.empty(len(points.values), np.int64)
    for rows in blocks(len(assignments), rows_at_once):
        scores = tf.matmul(points.values[rows], centroids, transpose_b=True)
        if points.metric == "euclidean":
            scores -= bias
        assignments[rows] = tf.argmax(scores, axis=1).numpy()
    return assignments


def _assign_by_faiss(points, centroids):
    faiss = _faiss()
    is_cosine = points.metric == "cosine"
    kind = faiss.IndexFlatIP if is_cosine else faiss.IndexFlatL2
    index = kind(centroids.shape[1])
    index.add(np.ascontiguousarray(centroids))
    return index.search(points.values, 1)[1][:, 0]


def _faiss():
    need = "engine='faiss' needs faiss; engine='tensorflow' works without"
    with import_of("faiss", need):
        import faiss
    return faiss
