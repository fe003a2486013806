"""Standard normal noise that is the same wherever it is drawn."""

import math

import tensorflow as tf


def normal_noise(shape, seed):
    """Draws from N(0, 1), a function of shape and seed alone.

    TensorFlow's own stateless draws differ between XLA and the rest; the
    random bits below them agree, and Box and Muller's transform makes them
    normal.

    Args:
        shape: `(rank,)` integer tensor or sequence of int.
        seed: `(2,)` integer tensor.

    Returns:
        float32 tensor of that shape.
    """
    bits = tf.random.stateless_uniform(
        tf.concat([[2], shape], axis=0),
        seed=seed,
        minval=None,
        maxval=None,
        dtype=tf.uint32,
        alg="philox",
    )
    # 24 bits fill a float32's precision; the half keeps 0 out of the log.
    bits = tf.cast(tf.bitwise.right_shift(bits, 8), tf.float32)
    uniform = (bits + 0.5) * 2.0**-24
    radius = tf.sqrt(-2.0 * tf.math.log(uniform[0]))
    return radius * tf.cos(2.0 * math.pi * uniform[1])
