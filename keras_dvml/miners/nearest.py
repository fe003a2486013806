"""The nearest and the farthest row of each anchor among those marked."""

import tensorflow as tf

from keras_dvml import ops


def distances(pairs: ops.Pairs, embeddings: tf.Tensor) -> tf.Tensor:
    """Returns the squared distance of each pair, `(anchors, batch)` float32."""
    return ops.pairwise_squared_distance(embeddings, ops.num_anchors(pairs))


def nearest(distance: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Marks, in each row, the marked entry of the least distance.

    Args:
        distance: `(anchors, batch)` float32 tensor.
        mask: bool tensor of the same shape.

    Returns:
        bool tensor of the same shape; `False` in rows without a marked entry.
    """
    column = tf.argmin(tf.where(mask, distance, ops.FAR), axis=1)
    return mask & _one_a_row(column, mask)


def farthest(distance: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """As `nearest`, the marked entry of the greatest distance."""
    return nearest(-distance, mask)


def in_row(distance: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Returns the distance of the one chosen entry of each row.

    Args:
        distance: `(anchors, batch)` float32 tensor.
        chosen: bool tensor of the same shape.

    Returns:
        `(anchors, 1)` float32 tensor, 0 where no entry is chosen.
    """
    return tf.reduce_sum(tf.where(chosen, distance, 0.0), axis=1, keepdims=True)


def where_both(positives: tf.Tensor, negatives: tf.Tensor) -> ops.Pairs:
    """Returns the pairs of the anchors that have of both kinds."""
    has_both = tf.reduce_any(positives, axis=1, keepdims=True)
    has_both &= tf.reduce_any(negatives, axis=1, keepdims=True)
    return ops.Pairs(positives & has_both, negatives & has_both)


def _one_a_row(column, mask):
    places = tf.range(tf.shape(mask)[1], dtype=column.dtype)
    return tf.equal(column[:, None], places[None, :])
