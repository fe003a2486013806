"""Random numbers that are the same wherever they are drawn."""

import math
from typing import Any

import tensorflow as tf


def uniform_noise(shape: Any, seed: Any) -> tf.Tensor:
    """Draws uniformly from 0..1, a function of shape and seed alone.

    TensorFlow's own stateless draws differ between XLA and the rest; the
    random bits beneath them agree.

    Args:
        shape: `(rank,)` integer tensor or sequence.
        seed: `(2,)` integer tensor.

    Returns:
        float32 tensor of that shape, multiples of `2^-24` below 1.

    Example:
        >>> import keras_dvml as kd
        >>> noise = kd.ops.uniform_noise([3], seed=[1, 2])
        >>> bool((noise >= 0).numpy().all() and (noise < 1).numpy().all())
        True
    """
    bits = tf.random.stateless_uniform(
        shape,
        seed=seed,
        # The bounds of integers; the annotation forgets them.
        minval=None,  # pyright: ignore[reportArgumentType]
        maxval=None,
        dtype=tf.uint32,
        alg="philox",
    )
    # 24 bits fill a float32's precision.
    return tf.cast(tf.bitwise.right_shift(bits, 8), tf.float32) * 2.0**-24


def normal_noise(shape: Any, seed: Any) -> tf.Tensor:
    """Draws from N(0, 1), a function of shape and seed alone.

    Box and Muller's transform of `uniform_noise`.

    Args:
        shape: `(rank,)` integer tensor or sequence.
        seed: `(2,)` integer tensor.

    Returns:
        float32 tensor of that shape.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.normal_noise([2, 3], seed=[1, 2]).shape.as_list()
        [2, 3]
    """
    # Half a step keeps 0 out of the logarithm.
    uniform = uniform_noise(tf.concat([[2], shape], axis=0), seed) + 2.0**-25
    radius = tf.sqrt(-2.0 * tf.math.log(uniform[0]))
    return radius * tf.cos(2.0 * math.pi * uniform[1])
