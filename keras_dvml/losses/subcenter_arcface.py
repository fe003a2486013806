"""Sub-centre ArcFace loss."""

import tensorflow as tf

from keras_dvml.arguments import check_count
from keras_dvml.losses.arcface import check_angular_margin, turned_away
from keras_dvml.losses.class_softmax import (
    cosines_of_centers,
    softmax_with_margin,
)
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.proxy_loss import ProxyLoss
from keras_dvml.typing import TensorLike


def subcenter_arcface_loss(
    labels: TensorLike,
    embeddings: TensorLike,
    centers: TensorLike,
    *,
    num_centers: int = 3,
    scale: float = 64.0,
    margin: float = 0.5,
) -> tf.Tensor:
    """ArcFace over the nearest of several centres of each class.

    A class whose images are of several kinds, or some of them mislabelled, need
    not draw all to one point. The loss is that of `arcface_loss`, with the
    largest cosine to the centres of a class in place of that to its proxy.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        embeddings: `(batch, dim)` float tensor.
        centers: `(num_classes * num_centers, dim)` float tensor, those of a
            class one after the other.
        num_centers: >= 1. Centres of a class.
        scale: > 0. s of the paper.
        margin: >= 0, below pi / 2. m of the paper, in radians.

    Returns:
        Scalar float32 tensor.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.

    Example:
        >>> import keras_dvml as kd
        >>> axes = [[1.0, 0.0], [0.0, 1.0]]
        >>> embeddings = [[0.6, 0.8], [0.8, 0.6]]
        >>> loss = kd.losses.subcenter_arcface_loss(
        ...     [0, 1], embeddings, axes, num_centers=1
        ... )
        >>> float(loss)
        42.04...
    """
    similarity = cosines_of_centers(embeddings, centers, num_centers)
    return softmax_with_margin(
        labels,
        tf.reduce_max(similarity, axis=2),
        lambda to_own: turned_away(to_own, margin),
        scale,
    )


@keras_loss
class SubCenterArcFaceLoss(ProxyLoss):
    """ArcFace loss with several centres of each class.

    See `subcenter_arcface_loss` for the formula and `ProxyLoss` for how a
    model adopts the proxies.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        num_centers: >= 1. Centres of a class, the paper's K.
        scale: > 0. s of the paper.
        margin: >= 0, below pi / 2. m of the paper, in radians.
        seed: Seed of the initial proxies.
        name: Name of the loss.

    Raises:
        ValueError: If `num_centers` is below 1, or `margin` is not from 0 up
            to, but not including, pi / 2.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.SubCenterArcFaceLoss(2, 2, num_centers=1)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[0.6, 0.8], [0.8, 0.6]]))
        42.04...

    Reference:
        [Deng et al., 2020](https://doi.org/10.1007/978-3-030-58621-8_43)
    """

    num_classes: int
    embedding_dim: int
    num_centers: int = 3
    scale: float = 64.0
    margin: float = 0.5
    seed: int = 0
    name: str = "subcenter_arcface_loss"

    @property
    def proxies_per_class(self) -> int:
        return self.num_centers

    def __post_init__(self) -> None:
        check_count(1, num_centers=self.num_centers)
        super().__post_init__()
        check_angular_margin(self.margin)

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return subcenter_arcface_loss(
            labels,
            embeddings,
            self.proxies.vectors,
            num_centers=self.num_centers,
            scale=self.scale,
            margin=self.margin,
        )
