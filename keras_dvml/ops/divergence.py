"""Divergence of a diagonal Gaussian from the standard normal prior."""

import tensorflow as tf

from keras_dvml.typing import TensorLike


def gaussian_divergence(
    mean: TensorLike, log_variance: TensorLike
) -> tf.Tensor:
    """Kullback-Leibler divergence from N(0, 1), averaged per dimension.

    `0.5 * (exp(log_variance) + mean^2 - log_variance - 1)`, mean over the
    dimensions. Times `dim` it is the sum over dimensions that the paper uses.

    Args:
        mean: `(batch, dim)` float tensor.
        log_variance: `(batch, dim)` float tensor, natural logarithm.

    Returns:
        `(batch,)` float tensor, >= 0, and 0 at the prior.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.gaussian_divergence([[0.0], [2.0]], [[0.0], [0.0]]).numpy()
        array([0., 2.], dtype=float32)

    Reference:
        [Kingma and Welling, 2014](https://arxiv.org/abs/1312.6114), appendix B
    """
    divergence = tf.exp(log_variance) + tf.square(mean) - log_variance - 1.0
    return 0.5 * tf.reduce_mean(divergence, axis=-1)
