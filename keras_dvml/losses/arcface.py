"""ArcFace loss."""

import math

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.class_softmax import softmax_with_margin
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.proxy_loss import ProxyLoss, cosines
from keras_dvml.typing import TensorLike


def arcface_loss(
    labels: TensorLike,
    embeddings: TensorLike,
    proxies: TensorLike,
    *,
    scale: float = 64.0,
    margin: float = 0.5,
) -> tf.Tensor:
    """Asks for an angle to the own class smaller than the others by a margin.

    With `t` the angle between embedding `a` and the proxy of its own class `y`,
    and `s_ac` the cosine of embedding `a` and proxy `c`, the loss is
    `mean_a -log softmax_c(scale (cos(t + margin) if c = y else s_ac))` at `y`.
    Where `t + margin` is beyond pi, `cos(t) - margin sin(margin)` goes on
    falling.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        embeddings: `(batch, dim)` float tensor.
        proxies: `(num_classes, dim)` float tensor.
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
        >>> loss = kd.losses.arcface_loss([0, 1], embeddings, axes)
        >>> float(loss)
        42.04...
    """
    return softmax_with_margin(
        labels,
        cosines(embeddings, proxies),
        lambda to_own: turned_away(to_own, margin),
        scale,
    )


def turned_away(cosine: tf.Tensor, margin: float) -> tf.Tensor:
    """Returns the cosines of angles that are larger by a margin.

    Args:
        cosine: Float tensor, -1 to 1.
        margin: >= 0. In radians.

    Returns:
        Float tensor of the same shape, falling all the way to an angle of pi.
    """
    sine = ops.safe_sqrt(1.0 - tf.square(cosine))
    turned = math.cos(margin) * cosine - math.sin(margin) * sine
    past_pi = cosine < -math.cos(margin)
    return tf.where(past_pi, cosine - margin * math.sin(margin), turned)


def check_angular_margin(margin: float) -> None:
    """Raises where a margin cannot be one in radians."""
    if not 0 <= margin < math.pi / 2:
        raise ValueError(
            "margin must be at least 0 and below pi / 2, in radians; received "
            f"{margin}"
        )


@keras_loss
class ArcFaceLoss(ProxyLoss):
    """ArcFace loss, also called additive angular margin loss.

    See `arcface_loss` for the formula and `ProxyLoss` for how a model
    adopts the proxies.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        scale: > 0. s of the paper.
        margin: >= 0, below pi / 2. m of the paper, in radians.
        seed: Seed of the initial proxies.
        name: Name of the loss.

    Raises:
        ValueError: If `margin` is not from 0 up to, but not including, pi / 2.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ArcFaceLoss(2, 2)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[0.6, 0.8], [0.8, 0.6]]))
        42.04...

    Reference:
        [Deng et al., 2019](https://arxiv.org/abs/1801.07698)
    """

    num_classes: int
    embedding_dim: int
    scale: float = 64.0
    margin: float = 0.5
    seed: int = 0
    name: str = "arcface_loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_angular_margin(self.margin)

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return arcface_loss(
            labels,
            embeddings,
            self.proxies.vectors,
            scale=self.scale,
            margin=self.margin,
        )
