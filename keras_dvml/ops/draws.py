"""Means of a loss over many draws of the same batch."""

import tensorflow as tf


def mean_over_draws(loss, draws):
    """Mean of a loss over draws, each with its gradient while it is at hand.

    A loop that is differentiated stacks what each round leaves behind and
    walks it again; here a round ends with its gradient. Only the first
    derivative is right, and only by the draws: the loss must have no
    variables of its own.

    Args:
        loss: Function from one draw, `(batch, dim)`, to a scalar tensor.
        draws: `(num_draws, batch, dim)` float32 tensor.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import tensorflow as tf
        >>> from keras_dvml import ops
        >>> draws = tf.constant([[[1.0, 2.0]], [[3.0, 4.0]]])
        >>> float(ops.mean_over_draws(tf.reduce_sum, draws))
        5.0
    """

    def value_and_gradient(draw):
        with tf.GradientTape() as tape:
            tape.watch(draw)
            value = loss(draw)
        return value, tape.gradient(value, draw)

    @tf.custom_gradient
    def mean(draws):
        values, gradients = tf.map_fn(
            value_and_gradient,
            draws,
            fn_output_signature=(
                tf.TensorSpec((), tf.float32),
                tf.TensorSpec(draws.shape[1:], tf.float32),
            ),
        )
        share = 1.0 / tf.cast(tf.shape(draws)[0], tf.float32)
        return tf.reduce_mean(
            values
        ), lambda upstream: upstream * share * gradients

    return mean(draws)
