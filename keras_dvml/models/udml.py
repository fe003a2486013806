"""Metric learning on pseudo-labels, kept honest by a rotation loss."""

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.layers import RotationHead
from keras_dvml.models.dvml import DVML
from keras_dvml.models.embedding_model import EmbeddingModel
from keras_dvml.models.metric_model import LossTerm, MetricModel


class UDML(MetricModel):
    """Learns from cluster ids, and from telling how an image was turned.

    Fit it on batches of (images, pseudo-labels). The loss is `metric +
    rotation_weight * rotation`, its terms

    - metric: the compiled loss of the embeddings, or, where `variational`,
      the four terms of `DVML` with their weights and phases;
    - rotation: cross-entropy of telling by how many quarter turns an image
      was turned, over the four turns of `rotation_batch` images.

    Clusters are wrong at first, turns never are. All terms come from one
    forward pass over `batch + 3 * rotation_batch` images: those turned by 0
    degrees are the batch's own. Which images are turned is fixed, at equal
    distances in the batch: of 16 classes x 5 images, one after the other as
    `data.balanced_batches` gives them, 16 are one of each class.

    The rotation term stands on top of another model's terms: `UDML(...)` is
    an `EmbeddingModel` as well, `UDML(..., variational=True)` a `DVML`, with
    all that they can do. A subclass says on top of which: `class Mine(UDML,
    DVML)`.

    Args:
        backbone: `keras.Model` from square images `(batch, size, size, 3)` to
            pooled features `(batch, feature_dim)`.
        embedding_dim: int >= 1. Width D of the embedding.
        rotation_weight: float >= 0. Weight of the rotation term. With 0 there
            is none: no image is turned and no head for it made.
        rotation_batch: int >= 1. Images of the batch that are turned; all of
            a smaller batch. Under a `tf.distribute` strategy each replica
            turns its share, rounded up.
        variational: bool. Whether the metric term is DVML's four.
        num_samples: int >= 1. Draws of the variation, where `variational`.
        **kwargs: `normalized`, `preprocessing`, `head_rate`, `name`: see
            `MetricModel`; where `variational`, also DVML's seed and weights.

    Call arguments:
        images: `(batch, size, size, 3)` tensor, uint8 or float, 0..255.
        training: bool.

    Returns:
        `(batch, embedding_dim)` float32 tensor, unit length by default.

    Raises:
        ValueError: If the backbone takes images that are not square, or a
            number is out of its range.

    Example:
        >>> import keras_dvml as kd
        >>> backbone = kd.models.conv_backbone(32, widths=(8, 16))
        >>> model = kd.models.UDML(backbone, embedding_dim=64)
        >>> loss = kd.losses.MultiSimilarityLoss()
        >>> model.compile(optimizer="adam", loss=loss)

    Reference:
        [Cao et al., 2019](https://arxiv.org/abs/1911.07072)
    """

    def __new__(cls, *args, variational=False, **kwargs):
        if cls is UDML:
            cls = VariationalUDML if variational else PlainUDML
        elif not issubclass(cls, (EmbeddingModel, DVML)):
            raise TypeError(
                "A subclass of UDML says on top of which terms: "
                f"class {cls.__name__}(UDML, EmbeddingModel), or (UDML, DVML)"
            )
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        backbone,
        embedding_dim=128,
        rotation_weight=0.1,
        rotation_batch=16,
        *,
        variational=False,
        **kwargs,
    ):
        if rotation_weight < 0:
            raise ValueError(
                f"rotation_weight must be >= 0; received {rotation_weight}"
            )
        if rotation_batch < 1:
            raise ValueError(
                f"rotation_batch must be at least 1; received {rotation_batch}"
            )
        if rotation_weight:
            _check_square(backbone)
            self.term_names = (*self.term_names, "rotation")
        super().__init__(backbone, embedding_dim, **kwargs)
        self.rotation_weight = rotation_weight
        self.rotation_batch = rotation_batch
        self.rotation_head = None
        if rotation_weight:
            self.rotation_head = RotationHead(name="rotation_head")
            self.rotation_head.build(backbone.output_shape)

    def loss_terms(self, images, labels, training):
        if not self.rotation_weight:
            return super().loss_terms(images, labels, training)
        images = tf.convert_to_tensor(images)
        batch = tf.shape(images)[0]
        chosen = self._positions_to_turn(batch)
        unturned = tf.gather(images, chosen)
        turned = ops.four_turns(unturned)[tf.shape(chosen)[0] :]

        features = self.features(
            tf.concat([images, turned], axis=0), training=training
        )
        of_batch, of_turned = features[:batch], features[batch:]
        logits = self.rotation_head(
            tf.concat([tf.gather(of_batch, chosen), of_turned], axis=0)
        )
        rotation = LossTerm(self.rotation_weight, ops.rotation_loss(logits))
        return {
            **self.feature_terms(of_batch, labels, training),
            "rotation": rotation,
        }

    def _positions_to_turn(self, batch):
        """Returns positions in the batch at equal distances, from 0 on."""
        share = -(-self.rotation_batch // ops.num_replicas())
        number = tf.minimum(share, batch)
        return tf.range(number) * batch // number

    def get_config(self):
        return {
            **super().get_config(),
            "rotation_weight": self.rotation_weight,
            "rotation_batch": self.rotation_batch,
            "variational": isinstance(self, DVML),
        }


@keras.saving.register_keras_serializable(package="keras_dvml")
class PlainUDML(UDML, EmbeddingModel):
    """`UDML(...)`: the rotation term beside the compiled loss."""

    def __init__(self, *args, num_samples=20, **kwargs):
        super().__init__(*args, **kwargs)
        # Draws nothing: kept for the configuration.
        self.num_samples = num_samples

    def get_config(self):
        return {**super().get_config(), "num_samples": self.num_samples}


@keras.saving.register_keras_serializable(package="keras_dvml")
class VariationalUDML(UDML, DVML):
    """`UDML(..., variational=True)`: the rotation term beside DVML's."""


def _check_square(backbone):
    height, width = backbone.input_shape[1:3]
    if height != width:
        raise ValueError(
            "backbone must take square images, which can be turned by 90 "
            f"degrees; received input shape {backbone.input_shape}"
        )
