"""Three parallel heads that split a feature into class and variation."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_count
from keras_dvml.configured_layer import ConfiguredLayer
from keras_dvml.layers.gaussian_sampling import GaussianSampling
from keras_dvml.typing import LayerOptions, TensorLike, Unpack


class VariationalOutputs(NamedTuple):
    """What `VariationalEmbedding` returns, `num_samples` written T.

    Attributes:
        invariant: `(batch, dim)` z_I, the part that a class shares.
        variation_mean: `(batch, dim)` mean of the variation's posterior.
        variation_log_variance: `(batch, dim)` its log variance.
        synthetic: `(T, batch, dim)` draws of z_I + z_V.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> outputs = kd.layers.VariationalEmbedding(4)(tf.ones((8, 16)))
        >>> isinstance(outputs, kd.layers.VariationalOutputs)
        True
        >>> [output.shape.as_list() for output in outputs]
        [[8, 4], [8, 4], [8, 4], [1, 8, 4]]
    """

    invariant: tf.Tensor
    variation_mean: tf.Tensor
    variation_log_variance: tf.Tensor
    synthetic: tf.Tensor


@keras.saving.register_keras_serializable(package="keras_dvml")
class VariationalEmbedding(ConfiguredLayer):
    """Splits features into an invariant embedding and a modelled variation.

    Three dense heads give `z_I` (invariant), `mu` and `log sigma^2`, which
    starts at 0; draws `z_V ~ N(mu, sigma^2)` make synthetic embeddings
    `z_I + z_V`. At inference `invariant` alone is the embedding. Always
    computes in float32. Features should have a root mean square of about 1, as
    those of `models.MetricModel` have: at 10 or 100 times that, `sigma^2`, an
    exponential, outgrows all else.

    Args:
        embedding_dim: >= 1. Width D of the embedding.
        num_samples: >= 1. Draws T per image in training. The paper uses 20.
        prior_weight: >= 0. Where above 0, the mean divergence of the variation
            from N(0, 1) times this weight is added through `add_loss`, for use
            in a plain `keras.Model`.
        seed: Seed of the draws; `None` as in `GaussianSampling`.

    Call arguments:
        features: `(batch, feature_dim)` float tensor.
        training: Whether to draw; otherwise `synthetic` is
            `invariant + variation_mean`, one draw.

    Returns:
        `VariationalOutputs`.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> layer = kd.layers.VariationalEmbedding(128, num_samples=20)
        >>> outputs = layer(tf.ones((8, 256)), training=True)
        >>> outputs.invariant.shape.as_list()
        [8, 128]
        >>> outputs.synthetic.shape.as_list()
        [20, 8, 128]

    Reference:
        [Lin et al., 2018](https://doi.org/10.1007/978-3-030-01267-0_42)
    """

    def __init__(
        self,
        embedding_dim: int,
        num_samples: int = 20,
        prior_weight: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        check_count(1, embedding_dim=embedding_dim)
        self.embedding_dim = embedding_dim
        self.prior_weight = prior_weight
        self.invariant = self._head("invariant")
        self.variation_mean = self._head("variation_mean")
        # From 0 for all: it enters the loss through an exponential, and random
        # weights would make it as large as the features are.
        self.variation_log_variance = self._head(
            "variation_log_variance", kernel_initializer="zeros"
        )
        self.sampling = GaussianSampling(num_samples, seed, name="variation")
        self.num_samples = num_samples
        self.seed = self.sampling.seed

    def _head(self, name, **options):
        # The pair maths downstream needs float32 under every policy.
        return keras.layers.Dense(
            self.embedding_dim, dtype="float32", name=name, **options
        )

    def build(self, input_shape: Any) -> None:
        self.invariant.build(input_shape)
        self.variation_mean.build(input_shape)
        self.variation_log_variance.build(input_shape)
        self.built = True

    def call(
        self, features: TensorLike, training: bool = False
    ) -> VariationalOutputs:
        features = tf.cast(features, tf.float32)
        invariant = self.invariant(features)
        mean = self.variation_mean(features)
        log_variance = self.variation_log_variance(features)
        variation = self.sampling(mean, log_variance, training=training)
        if self.prior_weight:
            divergence = ops.gaussian_divergence(mean, log_variance)
            self.add_loss(self.prior_weight * tf.reduce_mean(divergence))
        return VariationalOutputs(
            invariant, mean, log_variance, invariant[None] + variation
        )
