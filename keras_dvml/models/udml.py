"""Metric learning on pseudo-labels, with a rotation loss."""

import abc
from typing import Any

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_at_least, check_count
from keras_dvml.layers import RotationHead
from keras_dvml.models.dvml import DVML, TermWeight
from keras_dvml.models.embedding_model import EmbeddingModel
from keras_dvml.models.loss_term import LossTerm
from keras_dvml.models.metric_model import MetricModel
from keras_dvml.models.pooled_backbone import pooled_backbone
from keras_dvml.typing import ModelOptions, Self, TensorLike, Unpack


class RotationModel(MetricModel):
    """Adds the rotation term to the terms of the model it is mixed into.

    See `UDML` for the arguments; `**kwargs` are those of the other model.
    """

    #: Whether the other terms are DVML's.
    variational = False

    def __init__(
        self,
        backbone: keras.Model,
        embedding_dim: int = 128,
        rotation_weight: float = 0.1,
        rotation_batch: int = 16,
        **kwargs: Any,
    ) -> None:
        check_at_least(0, rotation_weight=rotation_weight)
        check_count(1, rotation_batch=rotation_batch)
        backbone = pooled_backbone(backbone)
        if rotation_weight:
            _check_square(backbone)
            self.term_names = (*self.term_names, "rotation")
        # Next is the model mixed in, which makes a head of that width itself.
        super().__init__(backbone, embedding_dim, **kwargs)  # pyright: ignore[reportArgumentType]
        self.rotation_weight = rotation_weight
        self.rotation_batch = rotation_batch
        self.rotation_head = None
        if rotation_weight:
            self.rotation_head = RotationHead(name="rotation_head")
            self.rotation_head.build(backbone.output_shape)

    def loss_terms(
        self, images: TensorLike, labels: tf.Tensor, training: bool
    ) -> dict[str, LossTerm]:
        if self.rotation_head is None:
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
        value = ops.share_of_mean(
            ops.rotation_loss(logits), tf.shape(chosen)[0]
        )
        rotation = LossTerm(self.rotation_weight, value)
        return {
            **self.feature_terms(of_batch, labels, training),
            "rotation": rotation,
        }

    def _positions_to_turn(self, batch):
        """Returns positions in the batch at equal distances, from 0 on."""
        share = -(-self.rotation_batch // ops.num_replicas())
        number = tf.minimum(share, batch)
        # A replica that was left without an image turns none.
        return tf.range(number) * batch // tf.maximum(number, 1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rotation_weight": self.rotation_weight,
            "rotation_batch": self.rotation_batch,
            "variational": self.variational,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> Self:
        # The plain kind was once saved with a `num_samples`, and drew none.
        unused = ["variational"] + ["num_samples"] * (not cls.variational)
        config = {name: config[name] for name in config if name not in unused}
        return super().from_config(config, custom_objects)


@keras.saving.register_keras_serializable(package="keras_dvml")
class PlainUDML(RotationModel, EmbeddingModel):
    """`UDML(...)`: an `EmbeddingModel` with the rotation term.

    Takes the arguments of `UDML` but for `variational` and `num_samples`.

    Example:
        >>> import keras_dvml as kd
        >>> backbone = kd.models.conv_backbone(32, widths=(8, 16))
        >>> kd.models.PlainUDML(backbone, embedding_dim=64).term_names
        ('metric', 'rotation')
    """


@keras.saving.register_keras_serializable(package="keras_dvml")
class VariationalUDML(RotationModel, DVML):
    """`UDML(..., variational=True)`: a `DVML` with the rotation term.

    Takes the arguments of `UDML` but for `variational`.

    Example:
        >>> import keras_dvml as kd
        >>> backbone = kd.models.conv_backbone(32, widths=(8, 16))
        >>> kd.models.VariationalUDML(backbone, embedding_dim=64).term_names
        ('prior', 'reconstruction', 'synthetic', 'invariant', 'rotation')
    """

    variational = True


class VariationalOptions(ModelOptions, total=False):
    """What a `UDML` with DVML's terms takes as well."""

    prior_weight: TermWeight
    reconstruction_weight: TermWeight
    synthetic_weight: TermWeight
    invariant_weight: TermWeight
    seed: int | None


class UDML(abc.ABC):  # noqa: B024 - `RotationModel` is registered below
    """Learns from cluster ids, and from predicting how an image was turned.

    Fit it on batches of (images, pseudo-labels). The loss is `metric +
    rotation_weight * rotation`, its terms

    - metric: the compiled loss of the embeddings, or, where `variational`,
      the four terms of `DVML` with their weights and phases;
    - rotation: cross-entropy of predicting by how many quarter turns an image
      was turned, over the four turns of `rotation_batch` images.

    Clusters are wrong at first, turns never are. All terms come from one
    forward pass over `batch + 3 * rotation_batch` images: those turned by 0
    degrees are the batch's own. Which images are turned is fixed, at equal
    distances in the batch: of 16 classes x 5 images, one after the other as
    `data.balanced_batches` gives them, 16 are one of each class.

    This makes a `PlainUDML`, which is an `EmbeddingModel` with the rotation
    term, or a `VariationalUDML`, which is a `DVML` with it. Both count as
    instances of `UDML`; derive subclasses from them.

    Args:
        backbone: From square images `(batch, size, size, 3)` to features,
            pooled or not; see `pooled_backbone`.
        embedding_dim: >= 1. Width D of the embedding.
        rotation_weight: >= 0. Weight of the rotation term. With 0 there is
            none: no image is turned and no head for it made.
        rotation_batch: >= 1. Images of the batch that are turned; all of a
            smaller batch. Under a `tf.distribute` strategy each replica turns
            its share, rounded up.
        variational: Whether the metric term is DVML's four.
        num_samples: >= 1. Draws of the variation, where `variational`.
        **kwargs: `normalized`, `preprocessing`, `head_rate`,
            `normalize_features`, `name`: see `MetricModel`; where
            `variational`, also DVML's seed and weights.

    Call arguments:
        images: `(batch, size, size, 3)` tensor, uint8 or float, 0..255.
        training: Whether the call is a step of training.

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
        >>> isinstance(model, kd.models.UDML)
        True

    Reference:
        [Cao et al., 2019](https://arxiv.org/abs/1911.07072)
    """

    def __new__(
        cls,
        backbone: keras.Model,
        embedding_dim: int = 128,
        rotation_weight: float = 0.1,
        rotation_batch: int = 16,
        *,
        variational: bool = False,
        num_samples: int = 20,
        **kwargs: Unpack[VariationalOptions],
    ) -> PlainUDML | VariationalUDML:
        shared = (backbone, embedding_dim, rotation_weight, rotation_batch)
        if variational:
            return VariationalUDML(*shared, num_samples=num_samples, **kwargs)
        return PlainUDML(*shared, **kwargs)

    def __init_subclass__(cls) -> None:
        raise TypeError(
            f"{cls.__name__} must derive from PlainUDML or VariationalUDML; "
            "UDML makes models of these two"
        )

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> PlainUDML | VariationalUDML:
        kind = VariationalUDML if config["variational"] else PlainUDML
        return kind.from_config(config, custom_objects)


UDML.register(RotationModel)


def _check_square(backbone):
    height, width = backbone.input_shape[1:3]
    if height != width:
        raise ValueError(
            "backbone must take square images, which can be turned by 90 "
            f"degrees; received input shape {backbone.input_shape}"
        )
