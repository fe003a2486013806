"""The plain baseline: a backbone, one dense head, any metric loss."""

from typing import Any

import keras
import tensorflow as tf

from keras_dvml.models.loss_term import LossTerm
from keras_dvml.models.metric_model import MetricModel
from keras_dvml.typing import ModelOptions, Unpack


@keras.saving.register_keras_serializable(package="keras_dvml")
class EmbeddingModel(MetricModel):
    """Embeds images with a backbone and a dense head.

    Args:
        backbone: From images `(batch, height, width, 3)` to features, pooled
            or not; see `pooled_backbone`.
        embedding_dim: >= 1. Width D of the embedding.
        **kwargs: `normalized`, `preprocessing`, `head_rate`,
            `normalize_features`, `name`: see `MetricModel`.

    Call arguments:
        images: `(batch, height, width, 3)` tensor, uint8 or float, 0..255.
        training: Whether the call is a step of training.

    Returns:
        `(batch, embedding_dim)` float32 tensor, unit length by default.

    Example:
        >>> import keras_dvml as kd
        >>> backbone = kd.models.conv_backbone(32, widths=(8, 16))
        >>> model = kd.models.EmbeddingModel(backbone, embedding_dim=64)
        >>> loss = kd.losses.TripletSemiHardLoss(margin=0.2)
        >>> model.compile(optimizer="adam", loss=loss)
    """

    term_names = ("metric",)

    def __init__(
        self,
        backbone: keras.Model,
        embedding_dim: int = 128,
        **kwargs: Unpack[ModelOptions],
    ) -> None:
        head = keras.layers.Dense(
            embedding_dim, dtype="float32", name="embedding"
        )
        super().__init__(backbone, head, **kwargs)
        self.embedding_dim = embedding_dim

    def feature_terms(
        self, features: tf.Tensor, labels: tf.Tensor, training: bool
    ) -> dict[str, LossTerm]:
        embeddings = self.embed(features, training)
        return {"metric": LossTerm(1.0, self.metric_loss(labels, embeddings))}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "embedding_dim": self.embedding_dim}
