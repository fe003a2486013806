"""Row-wise reductions over the marked entries of a matrix.

A row without a marked entry gives a finite stand-in, so gradients stay finite
in batches that lack positive or negative pairs.
"""

import tensorflow as tf

# Large enough to lose every comparison, small enough that arithmetic on it
# stays finite in float32 (an infinity would turn into NaN in a gradient).
_FAR = 1e9


def masked_max(values, mask):
    """Largest marked value of each row; -1e9 where no entry is marked.

    Args:
        values: `(rows, columns)` float tensor.
        mask: `(rows, columns)` bool tensor.

    Returns:
        `(rows,)` float tensor.
    """
    return tf.reduce_max(tf.where(mask, values, -_FAR), axis=1)


def masked_min(values, mask):
    """Smallest marked value of each row; 1e9 where no entry is marked.

    Args:
        values: `(rows, columns)` float tensor.
        mask: `(rows, columns)` bool tensor.

    Returns:
        `(rows,)` float tensor.
    """
    return tf.reduce_min(tf.where(mask, values, _FAR), axis=1)


def masked_log_sum_exp(values, mask):
    """`log(sum exp(value))` over the marked entries of each row.

    Args:
        values: `(rows, columns)` float tensor.
        mask: `(rows, columns)` bool tensor.

    Returns:
        `(rows,)` float tensor; about -1e9 where no entry is marked.
    """
    return tf.reduce_logsumexp(tf.where(mask, values, -_FAR), axis=1)


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
