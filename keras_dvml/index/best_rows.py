"""The best of many rows, in memory that does not grow with their number."""

from typing import Any

import numpy as np
import tensorflow as tf

from keras_dvml.embeddings import QUERIES_AT_ONCE, blocks

# Scores held at once, and numbers widened to float32 at once: 16 and 64 MB.
_SCORES_AT_ONCE = 1 << 22
_NUMBERS_AT_ONCE = 1 << 24
# Fewer rows at once would leave a product too little to do.
_LEAST_ROWS = 1024


def best_rows(
    queries: tf.Tensor,
    stored: Any,
    k: int,
    scales: Any = None,
    removed: Any = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Compares queries with every row, in a graph or outside.

    Args:
        queries: `(Q, dim)` float32 tensor.
        stored: `(N, dim)` tensor or variable, N >= k.
        k: >= 1. How many rows are returned.
        scales: `(N,)` float32 that rows are multiplied by, or `None`.
        removed: `(N,)` bool tensor of rows that count as -inf, or `None`.

    Returns:
        Tuple of `(Q, k)` int32 rows, best first, and float32 scores.
    """
    (num_rows, dim), num_queries = stored.shape, queries.shape[0]

    def scores_of(start, end):
        chunk = tf.cast(stored[start:end], tf.float32)
        scores = tf.matmul(queries, chunk, transpose_b=True)
        if scales is not None:
            scores *= scales[start:end]
        if removed is not None:
            scores = tf.where(removed[start:end], -np.inf, scores)
        return scores

    if num_rows <= _LEAST_ROWS or (
        num_queries is not None
        and stored.dtype == tf.float32
        and num_queries * num_rows <= _SCORES_AT_ONCE
    ):
        scores, rows = tf.math.top_k(scores_of(0, num_rows), k)
        return rows, scores
    return _best_in_chunks(scores_of, num_rows, dim, queries, k)


def _best_in_chunks(scores_of, num_rows, dim, queries, k):
    num_queries = tf.shape(queries)[0]
    size = _SCORES_AT_ONCE // tf.maximum(num_queries, 1)
    size = tf.clip_by_value(size, _LEAST_ROWS, _NUMBERS_AT_ONCE // dim)

    def best_with_chunk(start, rows, scores):
        end = tf.minimum(start + size, num_rows)
        chunk_scores, chunk_rows = tf.math.top_k(
            scores_of(start, end), tf.minimum(k, end - start)
        )
        scores = tf.concat([scores, chunk_scores], axis=1)
        rows = tf.concat([rows, chunk_rows + start], axis=1)
        scores, columns = tf.math.top_k(scores, k)
        return end, tf.gather(rows, columns, batch_dims=1), scores

    nothing = tf.fill([num_queries, k], -1)
    any_rows = tf.TensorShape([None, k])
    _, rows, scores = tf.while_loop(
        lambda start, *_: start < num_rows,
        best_with_chunk,
        (0, nothing, tf.fill([num_queries, k], -np.inf)),
        shape_invariants=(tf.TensorShape([]), any_rows, any_rows),
        # The next chunk's scores need the memory of this one's.
        parallel_iterations=1,
    )
    shape = (queries.shape[0], k)
    return tf.ensure_shape(rows, shape), tf.ensure_shape(scores, shape)


def best_rows_left(
    queries: np.ndarray,
    stored: Any,
    k: int,
    scales: Any = None,
    removed: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Does for arrays what `best_rows` does, whatever number of queries.

    Returns:
        As `best_rows`, as arrays; -1 and -inf where fewer than k rows are not
        removed.
    """
    if removed is not None:
        removed = tf.constant(removed)
    parts = [
        best_rows(tf.constant(queries[block]), stored, k, scales, removed)
        # Of no queries, one part that has none.
        for block in blocks(max(1, len(queries)), QUERIES_AT_ONCE)
    ]
    rows = np.concatenate([part[0].numpy() for part in parts])
    scores = np.concatenate([part[1].numpy() for part in parts])
    return np.where(np.isneginf(scores), -1, rows), scores
