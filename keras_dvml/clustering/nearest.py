"""The nearest centroid of every embedding, by faiss or by TensorFlow."""

import numpy as np
import tensorflow as tf

from keras_dvml.clustering.points import checked_rows, place_points
from keras_dvml.extras import install_command

ENGINES = ("tensorflow", "faiss")

# Similarities held at once: enough rows for a fast product, 32 MiB.
_SCORES_AT_ONCE = 2**23


def nearest_centroids(
    embeddings, centroids, *, metric="cosine", engine="tensorflow"
):
    """Assigns embeddings to the nearest of given centroids.

    For images that a clustering has not seen, or that it called noise.

    Args:
        embeddings: `(N, dim)` float array.
        centroids: `(K, dim)` float array.
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
    points = place_points(embeddings, metric)
    centroids = checked_centroids(centroids, points)
    assignments = nearest_by(engine)(points, centroids)
    return assignments, points.distances(assignments, centroids)


def checked_centroids(centroids, points, num_clusters=None):
    """Returns centroids placed as the points are.

    Raises:
        ValueError: If they are no finite float matrix of the points' width,
            or not as many as asked for.
    """
    name = "centroids" if num_clusters is None else "initial_centroids"
    centroids = checked_rows(centroids, name)
    expected = (num_clusters or len(centroids), points.values.shape[1])
    if centroids.shape != expected:
        raise ValueError(
            f"{name} must have shape {expected}; received {centroids.shape}"
        )
    return points.place(centroids)


def nearest_by(engine):
    """Returns an engine's function of (`Points`, centroids as placed) -> ids.

    Raises:
        ImportError: If engine is `"faiss"` and faiss is not installed.
        ValueError: If there is no such engine.
    """
    if engine == "tensorflow":
        return _nearest_by_tensorflow
    if engine == "faiss":
        _faiss()
        return _nearest_by_faiss
    raise ValueError(
        f"engine must be one of {ENGINES}, or for k_means a scikit-learn "
        f"clusterer; received {engine!r}"
    )


def _nearest_by_tensorflow(points, centroids):
    # ||x - c||^2 = ||x||^2 + 2 (||c||^2 / 2 - <x, c>)
    bias = 0.0
    if points.metric == "euclidean":
        bias = np.square(centroids).sum(axis=1) / 2
    centroids, bias = tf.constant(centroids), tf.constant(bias, tf.float32)
    assignments = np.empty(len(points.values), np.int64)
    # Neither the scores nor the copy of the rows may outgrow memory.
    rows_at_once = max(1, _SCORES_AT_ONCE // max(centroids.shape))
    for start in range(0, len(assignments), rows_at_once):
        rows = slice(start, start + rows_at_once)
        scores = tf.matmul(points.values[rows], centroids, transpose_b=True)
        if points.metric == "euclidean":
            scores -= bias
        assignments[rows] = tf.argmax(scores, axis=1).numpy()
    return assignments


def _nearest_by_faiss(points, centroids):
    faiss = _faiss()
    index = {"cosine": faiss.IndexFlatIP, "euclidean": faiss.IndexFlatL2}[
        points.metric
    ](centroids.shape[1])
    index.add(np.ascontiguousarray(centroids))
    return index.search(points.values, 1)[1][:, 0]


def _faiss():
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            f"engine='faiss' needs faiss: {install_command('faiss')}. "
            "engine='tensorflow' works without."
        ) from error
    return faiss
