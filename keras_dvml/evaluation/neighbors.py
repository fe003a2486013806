"""The nearest other items of every item."""

import numpy as np

from keras_dvml.evaluation.checks import checked_embeddings

_ROWS_AT_ONCE = 1024


def nearest_neighbors(embeddings, k):
    """Finds the k most similar other items of every item, exactly.

    Args:
        embeddings: `(N, dim)` float array, compared by dot product.
        k: int in 1..N-1.

    Returns:
        Tuple of `(N, k)` int indices, best first, and `(N, k)` float32 scores.
        An item is never its own neighbour.

    Raises:
        ValueError: If k is out of range or embeddings are malformed.
    """
    embeddings = checked_embeddings(embeddings)
    num_items = len(embeddings)
    if not 1 <= k < num_items:
        raise ValueError(
            f"k must be in 1..{num_items - 1} for {num_items} embeddings; "
            f"received {k}"
        )
    indices = np.empty((num_items, k), np.int64)
    scores = np.empty((num_items, k), np.float32)
    for start in range(0, num_items, _ROWS_AT_ONCE):
        block = embeddings[start : start + _ROWS_AT_ONCE]
        similarity = block @ embeddings.T
        rows = np.arange(len(block))
        similarity[rows, start + rows] = -np.inf
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        score = np.take_along_axis(similarity, nearest, axis=1)
        order = np.argsort(-score, axis=1, kind="stable")
        indices[start + rows] = np.take_along_axis(nearest, order, axis=1)
        scores[start + rows] = np.take_along_axis(score, order, axis=1)
    return indices, scores
