"""Search in an approximate index that has lost items."""

from typing import Any

import numpy as np
import tensorflow as tf

from keras_dvml.index.best_rows import best_rows_left

# For more neighbours than these all rows are compared.
_MOST_ASKED = 1000


def deeper_search(
    index: Any, queries: np.ndarray, k: int, removed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the k nearest that are left, asking an index for more than k.

    A query that is left with fewer asks for eight times as many; where these
    would be very many, it is compared with all rows.

    Args:
        index: An `Index`.
        queries: `(Q, dim)` float32 array.
        k: 1..(number of embeddings built).
        removed: `(number of embeddings built,)` bool array.

    Returns:
        Tuple of `(Q, k)` rows and scores, -1 and -inf where fewer are left.
    """
    num_rows = len(removed)
    num_left = num_rows - np.count_nonzero(removed)
    rows = np.empty((len(queries), k), np.int32)
    scores = np.empty((len(queries), k), np.float32)
    waiting = np.arange(len(queries))
    num_asked = 10 + 2 * k * num_rows // max(1, num_left)
    while len(waiting) and num_asked <= min(_MOST_ASKED, num_rows):
        found, found_scores = index.nearest(queries[waiting], num_asked)
        is_left = (found >= 0) & ~removed[found]
        best = np.argsort(~is_left, axis=1, kind="stable")[:, :k]
        rows[waiting] = np.take_along_axis(found, best, axis=1)
        scores[waiting] = np.take_along_axis(found_scores, best, axis=1)
        waiting = waiting[np.count_nonzero(is_left, axis=1) < k]
        num_asked *= 8
    if len(waiting):
        stored = tf.constant(index.built_embeddings())
        rows[waiting], scores[waiting] = best_rows_left(
            queries[waiting], stored, k, removed=removed
        )
    return rows, scores
