"""A weighted sum of losses."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_at_least
from keras_dvml.losses.metric_loss import MetricLoss, keras_loss
from keras_dvml.typing import Self, TensorLike


class LossLayers(keras.layers.Layer):
    """The layers of several losses, for a model to adopt as one.

    Args:
        losses: Those that may have `proxies` or a `memory`.
        **kwargs: `name`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ArcFaceLoss(num_classes=3, embedding_dim=8)
        >>> layers = kd.losses.LossLayers([loss, kd.losses.SupConLoss()])
        >>> len(layers.trainable_weights)
        1
    """

    def __init__(self, losses: Sequence[MetricLoss], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.parts = [
            getattr(loss, name) for loss in losses for name in loss.layer_names
        ]
        self.built = True


@keras_loss
class MultipleLosses(MetricLoss):
    """A weighted sum of losses over the same batch.

    Each loss mines, remembers and trains proxies as it does by itself.

    Args:
        losses: Losses of this package, at least one.
        weights: >= 0. What each counts; `None` for 1 each.
        name: Name of the loss.

    Raises:
        ValueError: If there is no loss, one is no `MetricLoss`, or the weights
            are not as many or below 0.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.MultipleLosses(
        ...     [kd.losses.NPairLoss(1.0), kd.losses.SupConLoss(1.0)], [1, 0.5]
        ... )
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        0.46...
    """

    losses: Sequence[MetricLoss]
    weights: Sequence[float] | None = None
    name: str = "multiple_losses"

    layer_names: ClassVar[tuple[str, ...]] = ("loss_layers",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.losses = list(self.losses)
        wrong = [one for one in self.losses if not isinstance(one, MetricLoss)]
        if wrong or not self.losses:
            raise ValueError(
                "losses must be keras_dvml.losses.MetricLoss, at least one; "
                f"received {self.losses!r}"
            )
        if self.weights is not None:
            self.weights = list(self.weights)
            if len(self.weights) != len(self.losses):
                raise ValueError(
                    f"weights must be {len(self.losses)}, one a loss; received "
                    f"{self.weights}"
                )
            check_at_least(0, weights=min(self.weights))
        self.loss_layers = LossLayers(self.losses, name=f"{self.name}_layers")

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return tf.add_n(
            [
                weight * loss.compare(labels, embeddings)
                for weight, loss in zip(
                    self.weights or [1.0] * len(self.losses),
                    self.losses,
                    strict=True,
                )
            ]
        )

    def build(self, embedding_dim: int) -> None:
        for loss in self.losses:
            loss.build(embedding_dim)

    def remember(
        self, labels: ops.LabelsOrPairs, embeddings: TensorLike
    ) -> None:
        for loss in self.losses:
            loss.remember(labels, embeddings)

    def relabel(self, is_new: np.ndarray, centroids: np.ndarray | None) -> None:
        for loss in self.losses:
            loss.relabel(is_new, centroids)

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "losses": [serialize(loss) for loss in self.losses],
            "weights": self.weights,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        deserialize = keras.saving.deserialize_keras_object
        losses = [deserialize(loss) for loss in config["losses"]]
        return cls(**{**config, "losses": losses})
