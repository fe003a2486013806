"""The decoder that rebuilds a pooled feature from a synthetic embedding."""

from typing import Any

import keras
import tensorflow as tf

from keras_dvml.arguments import check_count
from keras_dvml.configured_layer import ConfiguredLayer
from keras_dvml.typing import LayerOptions, TensorLike, Unpack


@keras.saving.register_keras_serializable(package="keras_dvml")
class FeatureDecoder(ConfiguredLayer):
    """Decodes embeddings back into pooled backbone features.

    `D -> hidden_dim (tanh) -> feature_dim`, on the last axis.

    Args:
        feature_dim: >= 1. Width F of the pooled feature.
        hidden_dim: >= 1. Width of the hidden layer.
        reconstruction_weight: >= 0. Where above 0 and features are given, the
            mean squared error times this weight is added through `add_loss`,
            for use in a plain `keras.Model`. As in `models.DVML`, the features
            get no gradient from it.

    Call arguments:
        embeddings: `(..., D)` float tensor, `(T, batch, D)` for draws.
        features: `(batch, feature_dim)` float tensor to be rebuilt, or
            `None`.

    Returns:
        `(..., feature_dim)` float32 tensor.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> decoder = kd.layers.FeatureDecoder(feature_dim=256)
        >>> decoder(tf.ones((20, 8, 128))).shape.as_list()
        [20, 8, 256]

    Reference:
        [Lin et al., 2018](https://doi.org/10.1007/978-3-030-01267-0_42)
    """

    def __init__(
        self,
        feature_dim: int,
        hidden_dim: int = 512,
        reconstruction_weight: float = 0.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        check_count(1, feature_dim=feature_dim, hidden_dim=hidden_dim)
        self.feature_dim = feature_dim
        self.hidden_dim = hidden_dim
        self.reconstruction_weight = reconstruction_weight
        self.hidden = keras.layers.Dense(
            hidden_dim, activation="tanh", dtype="float32", name="hidden"
        )
        self.features = keras.layers.Dense(
            feature_dim, dtype="float32", name="features"
        )

    def build(self, input_shape: Any) -> None:
        # With features given there are two shapes; the first is decoded.
        if isinstance(input_shape[0], (tuple, list)):
            input_shape = input_shape[0]
        self.hidden.build(input_shape)
        self.features.build((*input_shape[:-1], self.hidden_dim))
        self.built = True

    def call(
        self, embeddings: TensorLike, features: TensorLike | None = None
    ) -> tf.Tensor:
        decoded = self.features(self.hidden(tf.cast(embeddings, tf.float32)))
        if features is not None and self.reconstruction_weight:
            target = tf.stop_gradient(tf.cast(features, tf.float32))
            error = tf.reduce_mean(tf.square(decoded - target))
            self.add_loss(self.reconstruction_weight * error)
        return decoded
