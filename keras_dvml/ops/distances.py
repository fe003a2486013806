"""Similarities and distances between all rows of a batch, in float32."""

import tensorflow as tf

from keras_dvml.ops.small import is_small


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
    return _similarity(tf.cast(embeddings, tf.float32))


def pairwise_squared_distance(embeddings):
    """Squared Euclidean distance of every pair of rows.

    Computes `||z_i||^2 + ||z_j||^2 - 2 <z_i, z_j>`; rounding that would make
    a distance negative is cut off, and the diagonal is exactly 0.

    Args:
        embeddings: `(batch, dim)` float tensor of any precision.

    Returns:
        `(batch, batch)` float32 tensor, values >= 0.
    """
    return _squared_distance(tf.cast(embeddings, tf.float32))


# Both gradients by hand. Automatic differentiation would multiply two matrices
# where G_ij + G_ji needs one, and would walk the distances again for the cut
# and the diagonal, which only repair rounding.
@tf.custom_gradient
def _similarity(embeddings):
    similarity = tf.matmul(embeddings, embeddings, transpose_b=True)

    def gradient(upstream):
        """sum_j (G_ij + G_ji) z_j."""
        if is_small(upstream):
            pull = tf.matmul(upstream, embeddings)
            return pull + tf.matmul(upstream, embeddings, transpose_a=True)
        return tf.matmul(_both_ways(upstream), embeddings)

    return similarity, gradient


@tf.custom_gradient
def _squared_distance(embeddings):
    squared_norm = tf.reduce_sum(tf.square(embeddings), axis=1, keepdims=True)
    ones = tf.ones_like(squared_norm)
    # The norms ride along in the product: no sums over the matrix.
    squared_distance = tf.matmul(
        tf.concat([-2.0 * embeddings, squared_norm, ones], axis=1),
        tf.concat([embeddings, ones, squared_norm], axis=1),
        transpose_b=True,
    )
    squared_distance = tf.maximum(squared_distance, 0.0)
    squared_distance = tf.linalg.set_diag(
        squared_distance, tf.zeros_like(squared_norm[:, 0])
    )

    def gradient(upstream):
        """2 sum_j (G_ij + G_ji) (z_i - z_j)."""
        if is_small(upstream):
            pull = tf.matmul(upstream, embeddings)
            pull += tf.matmul(upstream, embeddings, transpose_a=True)
            total = tf.matmul(upstream, ones)
            total += tf.matmul(upstream, ones, transpose_a=True)
        else:
            weight = _both_ways(upstream)
            pull = tf.matmul(weight, embeddings)
            total = tf.reduce_sum(weight, axis=1, keepdims=True)
        return 2.0 * (total * embeddings - pull)

    return squared_distance, gradient


def _both_ways(upstream):
    """Returns `G_ij + G_ji`."""
    # Adding nothing to one entry makes XLA finish the matrix first. It would
    # compute it twice otherwise, the second time column by column, which
    # takes four times as long.
    upstream = tf.tensor_scatter_nd_add(upstream, [[0, 0]], [0.0])
    return upstream + tf.transpose(upstream)
