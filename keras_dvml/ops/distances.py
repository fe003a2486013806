"""Similarities and distances between all rows of a batch, in float32."""

import tensorflow as tf


def l2_normalize(embeddings):
    """Scales each vector to length 1.

    Args:
        embeddings: `(..., dim)` float tensor.

    Returns:
        `(..., dim)` float tensor; a zero vector stays zero.
    """
    return tf.math.l2_normalize(embeddings, axis=-1, epsilon=1e-12)


def pairwise_similarity(embeddings):
    """Dot product of every pair of rows: `S_ij = <z_i, z_j>`.

    Args:
        embeddings: `(batch, dim)` float tensor of any precision.

    Returns:
        `(batch, batch)` float32 tensor; the cosine for unit-length rows.
    """
    # Half precision has too few digits for differences of near-equal pairs.
    embeddings = tf.cast(embeddings, tf.float32)
    return tf.matmul(embeddings, embeddings, transpose_b=True)


def pairwise_squared_distance(embeddings):
    """Squared Euclidean distance of every pair of rows.

    Computes `||z_i||^2 + ||z_j||^2 - 2 <z_i, z_j>`; rounding that would make
    a distance negative is cut off, and the diagonal is exactly 0.

    Args:
        embeddings: `(batch, dim)` float tensor of any precision.

    Returns:
        `(batch, batch)` float32 tensor, values >= 0.
    """
    embeddings = tf.cast(embeddings, tf.float32)
    squared_norm = tf.reduce_sum(tf.square(embeddings), axis=1, keepdims=True)
    ones = tf.ones_like(squared_norm)
    # The norms ride along in the product: no sums over the matrix.
    squared_distance = tf.matmul(
        tf.concat([-2.0 * embeddings, squared_norm, ones], axis=1),
        tf.concat([embeddings, ones, squared_norm], axis=1),
        transpose_b=True,
    )
    squared_distance = tf.maximum(squared_distance, 0.0)
    return tf.linalg.set_diag(
        squared_distance, tf.zeros_like(squared_norm[:, 0])
    )
