"""Losses over pairs whose derivative is written down beside them."""

import functools

import tensorflow as tf


def closed_form(value_and_slope):
    """Makes a differentiable loss of a function that also gives its slope.

    Automatic differentiation of a loss over all pairs walks the matrix again
    for each step of the formula. The derivative itself is a short formula that
    shares most of its parts with the loss.

    Only the first derivative is right: the slope counts as a constant.

    Args:
        value_and_slope: Function from a `(batch, batch)` float32 tensor to the
            loss, a scalar, and its derivative by each entry of the tensor, of
            the tensor's shape.

    Returns:
        Function from the tensor to the scalar.

    Example:
        >>> import tensorflow as tf
        >>> from keras_dvml import ops
        >>> @ops.closed_form
        ... def sum_of_squares(values):
        ...     return tf.reduce_sum(tf.square(values)), 2.0 * values
        >>> values = tf.constant([[1.0, 2.0], [3.0, 4.0]])
        >>> with tf.GradientTape() as tape:
        ...     tape.watch(values)
        ...     loss = sum_of_squares(values)
        >>> tape.gradient(loss, values).numpy().tolist()
        [[2.0, 4.0], [6.0, 8.0]]
    """

    @tf.custom_gradient
    @functools.wraps(value_and_slope)
    def loss(matrix):
        value, slope = value_and_slope(matrix)
        return value, lambda upstream: upstream * slope

    return loss
