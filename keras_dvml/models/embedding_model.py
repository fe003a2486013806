"""The plain baseline: a backbone, one dense head, any metric loss."""

import keras

from keras_dvml.models.metric_model import LossTerm, MetricModel


@keras.saving.register_keras_serializable(package="keras_dvml")
class EmbeddingModel(MetricModel):
    """Embeds images with a backbone and a dense head.

    Args:
        backbone: `keras.Model` from images `(batch, height, width, 3)` to
            pooled features `(batch, feature_dim)`.
        embedding_dim: int >= 1. Width D of the embedding.
        **kwargs: `normalized`, `preprocessing`, `head_rate`, `name`: see
            `MetricModel`.

    Call arguments:
        images: `(batch, height, width, 3)` tensor, uint8 or float, 0..255.
        training: bool.

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

    def __init__(self, backbone, embedding_dim=128, **kwargs):
        head = keras.layers.Dense(
            embedding_dim, dtype="float32", name="embedding"
        )
        super().__init__(backbone, head, **kwargs)
        self.embedding_dim = embedding_dim

    def feature_terms(self, features, labels, training):
        embeddings = self.embed(features)
        return {"metric": LossTerm(1.0, self.metric_loss(labels, embeddings))}

    def get_config(self):
        return {**super().get_config(), "embedding_dim": self.embedding_dim}
