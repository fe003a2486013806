"""The decoder that rebuilds a pooled feature from a synthetic embedding."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_dvml")
class FeatureDecoder(keras.layers.Layer):
    """Decodes embeddings back into pooled backbone features.

    `D -> hidden_dim (tanh) -> feature_dim`, on the last axis.

    Args:
        feature_dim: int >= 1. Width F of the pooled feature.
        hidden_dim: int >= 1. Width of the hidden layer. Defaults to 512.

    Call arguments:
        embeddings: `(..., D)` float tensor, `(T, batch, D)` for draws.

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

    def __init__(self, feature_dim, hidden_dim=512, **kwargs):
        super().__init__(**kwargs)
        for name, value in [
            ("feature_dim", feature_dim),
            ("hidden_dim", hidden_dim),
        ]:
            if value < 1:
                raise ValueError(f"{name} must be at least 1; received {value}")
        self.feature_dim = feature_dim
        self.hidden_dim = hidden_dim
        self.hidden = keras.layers.Dense(
            hidden_dim, activation="tanh", dtype="float32", name="hidden"
        )
        self.features = keras.layers.Dense(
            feature_dim, dtype="float32", name="features"
        )

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.features.build((*input_shape[:-1], self.hidden_dim))
        self.built = True

    def call(self, embeddings):
        return self.features(self.hidden(tf.cast(embeddings, tf.float32)))

    def get_config(self):
        config = super().get_config()
        config.update(feature_dim=self.feature_dim, hidden_dim=self.hidden_dim)
        return config
