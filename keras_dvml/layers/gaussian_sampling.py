"""Reparameterised draws from a diagonal Gaussian."""

import keras
import numpy as np
import tensorflow as tf

from keras_dvml import keras_versions, ops
from keras_dvml.arguments import check_count
from keras_dvml.configured_layer import ConfiguredLayer
from keras_dvml.typing import LayerOptions, TensorLike, Unpack


@keras.saving.register_keras_serializable(package="keras_dvml")
class GaussianSampling(ConfiguredLayer):
    """Draws samples around a mean, letting gradients reach mean and variance.

    Computes `mean + exp(log_variance / 2) * noise`, `noise ~ N(0, 1)`.
    Outside training it returns `mean`, so serving is deterministic.

    The state of the random stream is a weight of the layer: a model saved and
    loaded continues with the draws it would have made.

    Args:
        num_samples: >= 1. Draws per row.
        seed: Seed of the noise; `None` takes one from NumPy's global stream,
            which `keras.utils.set_random_seed` fixes.

    Call arguments:
        mean: `(batch, dim)` float tensor.
        log_variance: `(batch, dim)` float tensor, natural logarithm.
        training: Whether to draw; `False` returns the mean.

    Returns:
        `(num_samples, batch, dim)` float32 tensor, or `(1, batch, dim)`
        outside training.

    Raises:
        ValueError: If `num_samples` is below 1.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> sampling = kd.layers.GaussianSampling(num_samples=20, seed=0)
        >>> zeros = tf.zeros((8, 4))
        >>> sampling(zeros, zeros, training=True).shape.as_list()
        [20, 8, 4]

    Reference:
        [Kingma and Welling, 2014](https://arxiv.org/abs/1312.6114)
    """

    def __init__(
        self,
        num_samples: int = 1,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        check_count(1, num_samples=num_samples)
        self.num_samples = num_samples
        self.seed = np.random.randint(2**31) if seed is None else seed
        self.num_draws = self.add_weight(
            name="num_draws",
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation=keras_versions.ONLY_FIRST_REPLICA,
        )

    def call(
        self, mean: TensorLike, log_variance: TensorLike, training: bool = False
    ) -> tf.Tensor:
        if not training:
            return tf.cast(mean, tf.float32)[None]
        return self.draw(mean, log_variance, self.num_samples)

    def draw(
        self, mean: TensorLike, log_variance: TensorLike, num_samples: int
    ) -> tf.Tensor:
        """Draws `(num_samples, batch, dim)` samples, training or not."""
        mean = tf.cast(mean, tf.float32)
        log_variance = tf.cast(log_variance, tf.float32)
        batch, dim = tf.unstack(tf.shape(mean))
        # Drawn for the global batch, so that replicas differ, and together
        # have what one replica would have had.
        noise = ops.normal_noise(
            (num_samples, ops.global_size(batch), dim),
            seed=tf.stack([self.seed, tf.convert_to_tensor(self.num_draws)]),
        )
        self.num_draws.assign_add(1)
        noise = ops.slice_replica(noise, axis=1, num_rows=batch)
        return mean + tf.exp(0.5 * log_variance) * noise
