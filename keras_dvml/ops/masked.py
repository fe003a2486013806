"""Row-wise reductions over the marked entries of a matrix.

A row without a marked entry gives a finite stand-in, so gradients stay finite
in batches that lack positive or negative pairs.
"""

import tensorflow as tf

from keras_dvml.ops.small import is_small

#: Stands in for what is not there: large enough to lose every comparison and
#: small enough that arithmetic on it stays finite in float32 (an infinity
#: would turn into NaN in a gradient).
FAR = 1e9


def masked_max(values, mask):
    """Largest marked value of each row; -1e9 where no entry is marked.

    Args:
        values: `(rows, columns)` float tensor.
        mask: `(rows, columns)` bool tensor.

    Returns:
        `(rows,)` float tensor.
    """
    return tf.reduce_max(tf.where(mask, values, -FAR), axis=1)


def masked_min(values, mask):
    """Smallest marked value of each row; 1e9 where no entry is marked.

    Args:
        values: `(rows, columns)` float tensor.
        mask: `(rows, columns)` bool tensor.

    Returns:
        `(rows,)` float tensor.
    """
    return tf.reduce_min(tf.where(mask, values, FAR), axis=1)


def masked_log_sum_exp(values, mask):
    """`log(sum exp(value))` over the marked entries of each row.

    Args:
        values: `(rows, columns)` float tensor.
        mask: `(rows, columns)` bool tensor.

    Returns:
        `(rows,)` float tensor; about -1e9 where no entry is marked.
    """
    return tf.reduce_logsumexp(tf.where(mask, values, -FAR), axis=1)


def log_sum_exp_with_slope(values):
    """`log(sum exp(value))` of each row, and its derivative.

    Args:
        values: `(rows, columns)` float tensor; `-FAR` counts as no entry.

    Returns:
        `(rows, 1)` float tensor, about -1e9 for a row without entries, and
        `(rows, columns)` float tensor of derivatives: the softmax.
    """
    largest = tf.reduce_max(values, axis=1, keepdims=True)
    if is_small(values):
        share = tf.exp(values - largest)
        total = tf.reduce_sum(share, axis=1, keepdims=True)
        return largest + tf.math.log(total), share * (1.0 / total)
    slope = tf.nn.softmax(values, axis=1)
    # The largest entry tells the sum, since its share is exp(largest) / sum.
    share = tf.reduce_max(slope, axis=1, keepdims=True)
    return largest - tf.math.log(share), slope


def masked_mean(values, mask):
    """Mean of all marked entries of a tensor; 0 where none is marked.

    Args:
        values: float tensor.
        mask: bool tensor of the same shape.

    Returns:
        Scalar float tensor.
    """
    marked = tf.cast(mask, values.dtype)
    total = tf.reduce_sum(tf.where(mask, values, 0.0))
    return tf.math.divide_no_nan(total, tf.reduce_sum(marked))
