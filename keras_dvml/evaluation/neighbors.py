"""The nearest other items of every item."""

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_in_range
from keras_dvml.embeddings import checked_embeddings, similarity_blocks


def nearest_neighbors(
    embeddings: ArrayLike, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the k most similar other items of every item, exactly.

    Args:
        embeddings: `(N, dim)` float array, compared by dot product.
        k: 1..N-1.

    Returns:
        Tuple of `(N, k)` int indices, best first, and `(N, k)` float32 scores.
        An item is never its own neighbour.

    Raises:
        ValueError: If k is out of range or embeddings are malformed.

    Example:
        >>> import keras_dvml as kd
        >>> indices, scores = kd.evaluation.nearest_neighbors(
        ...     [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], k=1
        ... )
        >>> indices[:, 0].tolist()
        [2, 2, 1]
    """
    embeddings = checked_embeddings(embeddings)
    num_items = len(embeddings)
    check_in_range(1, num_items - 1, "the number of other embeddings", k=k)
    indices = np.empty((num_items, k), np.int64)
    scores = np.empty((num_items, k), np.float32)
    for rows, similarity in similarity_blocks(embeddings, embeddings):
        similarity[np.arange(len(similarity)), np.r_[rows]] = -np.inf
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        score = np.take_along_axis(similarity, nearest, axis=1)
        order = np.argsort(-score, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(nearest, order, axis=1)
        scores[rows] = np.take_along_axis(score, order, axis=1)
    return indices, scores
