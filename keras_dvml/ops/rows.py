"""Batches that layers can take."""

import tensorflow as tf

from keras_dvml.typing import TensorLike


def with_a_row(rows: TensorLike) -> tf.Tensor:
    """Adds a row of zeros to a tensor that has none.

    For layers that fail in a graph where there is nothing to compute.

    Args:
        rows: `(batch, ...)` tensor of known rank.

    Returns:
        `(max(batch, 1), ...)` tensor of the same type.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> kd.ops.with_a_row(tf.zeros((0, 8, 8, 3))).shape
        TensorShape([1, 8, 8, 3])
    """
    rows = tf.convert_to_tensor(rows)
    missing = tf.maximum(1 - tf.shape(rows)[0], 0)
    others = (len(rows.shape) - 1) * [[0, 0]]
    return tf.pad(rows, tf.convert_to_tensor([[0, missing], *others]))
