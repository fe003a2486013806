"""The head that predicts by how many quarter turns an image was turned."""

from typing import Any

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_count
from keras_dvml.configured_layer import ConfiguredLayer
from keras_dvml.typing import LayerOptions, TensorLike, Unpack


@keras.saving.register_keras_serializable(package="keras_dvml")
class RotationHead(ConfiguredLayer):
    """Predicts the turn of an image, 0 to 3 quarters, from its feature.

    `F -> hidden_dim (ReLU) -> 4`. Always computes in float32. The loss is a
    softmax cross-entropy: `ops.rotation_loss` where the images came out of
    `ops.four_turns`, else
    `keras.losses.SparseCategoricalCrossentropy(from_logits=True)` against
    the number of turns.

    Args:
        hidden_dim: >= 1. Width of the hidden layer.
        rotation_weight: >= 0. Where above 0, `ops.rotation_loss` times this
            weight is added through `add_loss`, for use in a plain
            `keras.Model` on the features of `ops.four_turns`.

    Call arguments:
        features: `(batch, feature_dim)` float tensor, pooled features.

    Returns:
        `(batch, 4)` float32 tensor of logits; column t is for t quarter
        turns, counter-clockwise.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> head = kd.layers.RotationHead()
        >>> turned = kd.ops.four_turns(tf.ones((8, 32, 32, 3)))
        >>> backbone = kd.models.conv_backbone(32)
        >>> logits = head(backbone(turned))
        >>> logits.shape.as_list(), kd.ops.rotation_loss(logits).dtype
        ([32, 4], tf.float32)

    Reference:
        [Cao et al., 2019](https://arxiv.org/abs/1911.07072)
    """

    def __init__(
        self,
        hidden_dim: int = 512,
        rotation_weight: float = 0.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        check_count(1, hidden_dim=hidden_dim)
        self.hidden_dim = hidden_dim
        self.rotation_weight = rotation_weight
        self.hidden = keras.layers.Dense(
            hidden_dim, activation="relu", dtype="float32", name="hidden"
        )
        self.logits = keras.layers.Dense(4, dtype="float32", name="logits")

    def build(self, input_shape: Any) -> None:
        self.hidden.build(input_shape)
        self.logits.build((*input_shape[:-1], self.hidden_dim))
        self.built = True

    def call(self, features: TensorLike) -> tf.Tensor:
        logits = self.logits(self.hidden(tf.cast(features, tf.float32)))
        if self.rotation_weight:
            self.add_loss(self.rotation_weight * ops.rotation_loss(logits))
        return logits
