"""Row-wise reductions over the marked entries of a matrix.

A row without a marked entry gives a finite substitute, so gradients stay finite
in batches that lack positive or negative pairs.
"""

import tensorflow as tf

from keras_dvml.ops.small_matrices import is_small
from keras_dvml.typing import TensorLike

#: Value of what is not there: large enough to lose every comparison and
#: small enough that arithmetic on it stays finite in float32 (an infinity
#: would turn into NaN in a gradient). A power of 2, exact in every precision.
FAR = 2.0**100


def masked_log_sum_exp(values: TensorLike, mask: TensorLike) -> tf.Tensor:
    """`log(sum exp(value))` over the marked entries of each row.

    Args:
        values: `(rows, columns)` float tensor.
        mask: `(rows, columns)` bool tensor.

    Returns:
        `(rows,)` float tensor; about `-FAR` where no entry is marked.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.masked_log_sum_exp([[2.0, 5.0]], [[True, False]]).numpy()
        array([2.], dtype=float32)
    """
    return tf.reduce_logsumexp(tf.where(mask, values, -FAR), axis=1)


def log_sum_exp_with_slope(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`log(sum exp(value))` of each row, and its derivative.

    Args:
        values: `(rows, columns)` float tensor; `-FAR` counts as no entry.

    Returns:
        `(rows, 1)` float tensor, about `-FAR` for a row without entries, and
        `(rows, columns)` float tensor of derivatives: the softmax.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> values = tf.constant([[1.0, 1.0]])
        >>> log_sum, slope = kd.ops.log_sum_exp_with_slope(values)
        >>> round(float(log_sum[0, 0]), 4), slope.numpy().tolist()
        (1.6931, [[0.5, 0.5]])
    """
    largest = tf.reduce_max(values, axis=1, keepdims=True)
    if is_small(values):
        share = tf.exp(values - largest)
        total = tf.reduce_sum(share, axis=1, keepdims=True)
        return largest + tf.math.log(total), share * (1.0 / total)
    slope = tf.nn.softmax(values, axis=1)
    # The largest entry gives the sum, since its share is exp(largest) / sum.
    share = tf.reduce_max(slope, axis=1, keepdims=True)
    return largest - tf.math.log(share), slope


def masked_mean(values: tf.Tensor, mask: TensorLike) -> tf.Tensor:
    """Mean of all marked entries of a tensor; 0 where none is marked.

    Args:
        values: float tensor.
        mask: bool tensor of the same shape.

    Returns:
        Scalar float tensor.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> values = tf.constant([1.0, 3.0, 9.0])
        >>> float(kd.ops.masked_mean(values, [True, True, False]))
        2.0
    """
    marked = tf.cast(mask, values.dtype)
    total = tf.reduce_sum(tf.where(mask, values, 0.0))
    return tf.math.divide_no_nan(total, tf.reduce_sum(marked))
