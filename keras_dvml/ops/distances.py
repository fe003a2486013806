"""Similarities and distances between all rows of a batch, in float32."""

import tensorflow as tf

from keras_dvml.typing import TensorLike


def l2_normalize(embeddings: TensorLike) -> tf.Tensor:
    """Scales each vector to length 1.

    Args:
        embeddings: `(..., dim)` float tensor.

    Returns:
        `(..., dim)` float tensor; a zero vector stays zero.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.l2_normalize([[3.0, 4.0], [0.0, 0.0]]).numpy()
        array([[0.6, 0.8],
               [0. , 0. ]], dtype=float32)
    """
    return tf.math.l2_normalize(embeddings, axis=-1, epsilon=1e-12)


def pairwise_similarity(
    embeddings: TensorLike, num_anchors: int | tf.Tensor | None = None
) -> tf.Tensor:
    """Dot product of every pair of rows: `S_ij = <z_i, z_j>`.

    Args:
        embeddings: `(batch, dim)` float tensor of any precision.
        num_anchors: How many of the rows, from the first on, are compared
            with all; `None` for all.

    Returns:
        `(num_anchors, batch)` float32 tensor; the cosine for unit-length rows.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.pairwise_similarity([[1.0, 0.0], [1.0, 2.0]]).numpy()
        array([[1., 1.],
               [1., 5.]], dtype=float32)
    """
    # Half precision has too few digits for differences of near-equal pairs.
    embeddings = tf.cast(embeddings, tf.float32)
    anchors = embeddings[:num_anchors]
    return tf.matmul(anchors, embeddings, transpose_b=True)


def pairwise_squared_distance(
    embeddings: TensorLike, num_anchors: int | tf.Tensor | None = None
) -> tf.Tensor:
    """Squared Euclidean distance of every pair of rows.

    Computes `||z_i||^2 + ||z_j||^2 - 2 <z_i, z_j>`; rounding that would make
    a distance negative is cut off, and the diagonal is exactly 0.

    Args:
        embeddings: `(batch, dim)` float tensor of any precision.
        num_anchors: How many of the rows, from the first on, are compared
            with all; `None` for all.

    Returns:
        `(num_anchors, batch)` float32 tensor, values >= 0.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.pairwise_squared_distance([[1.0, 0.0], [1.0, 2.0]]).numpy()
        array([[0., 4.],
               [4., 0.]], dtype=float32)
    """
    embeddings = tf.cast(embeddings, tf.float32)
    squared_norm = tf.reduce_sum(tf.square(embeddings), axis=1, keepdims=True)
    ones = tf.ones_like(squared_norm)
    # The product contains the norms: no sums over the matrix.
    rows = tf.concat([-2.0 * embeddings, squared_norm, ones], axis=1)
    squared_distance = tf.matmul(
        rows[:num_anchors],
        tf.concat([embeddings, ones, squared_norm], axis=1),
        transpose_b=True,
    )
    squared_distance = tf.maximum(squared_distance, 0.0)
    return tf.linalg.set_diag(
        squared_distance, tf.zeros_like(squared_norm[:num_anchors, 0])
    )


def safe_sqrt(values: TensorLike) -> tf.Tensor:
    """Square root whose gradient is finite at 0.

    Args:
        values: float tensor, >= 0, such as of squared distances. Values below
            1e-12 count as 1e-12.

    Returns:
        Float tensor of the same shape, >= 1e-6.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.safe_sqrt([4.0, 0.0]).numpy()
        array([2.e+00, 1.e-06], dtype=float32)
    """
    # The slope of a square root at 0 is infinite.
    return tf.sqrt(tf.maximum(values, 1e-12))
