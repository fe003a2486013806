"""SphereFace loss."""

import math

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_count
from keras_dvml.losses.class_softmax import softmax_with_margin
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.proxy_loss import ProxyLoss, cosines
from keras_dvml.typing import TensorLike


def sphereface_loss(
    labels: TensorLike,
    embeddings: TensorLike,
    proxies: TensorLike,
    *,
    multiple: int = 4,
    scale: float = 1.0,
) -> tf.Tensor:
    """Asks for an angle to the own class several times smaller than the others.

    `mean_a -log softmax_c(scale |z_a| (psi(t) if c = y else s_ac))` at `y`, the
    class of `a`, with `s_ac` the cosine of embedding `a` and proxy `c`, `t` the
    angle to `y` and `psi(t) = (-1)^k cos(multiple t) - 2 k`, `k` the whole part
    of `multiple t / pi`: the cosine of the multiple, carried on downwards.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        embeddings: `(batch, dim)` float tensor.
        proxies: `(num_classes, dim)` float tensor.
        multiple: >= 1. m of the paper.
        scale: > 0. What lengths are multiplied by: the paper's embeddings are
            of free length and have 1; those of unit length need some 30.

    Returns:
        Scalar float32 tensor.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.

    Example:
        >>> import keras_dvml as kd
        >>> axes = [[1.0, 0.0], [0.0, 1.0]]
        >>> embeddings = [[0.6, 0.8], [0.8, 0.6]]
        >>> loss = kd.losses.sphereface_loss([0, 1], embeddings, axes)
        >>> float(loss)
        2.08...
    """
    squares = tf.square(tf.cast(embeddings, tf.float32))
    length = ops.safe_sqrt(tf.reduce_sum(squares, axis=1, keepdims=True))
    return softmax_with_margin(
        labels,
        cosines(embeddings, proxies),
        lambda to_own: _of_multiple_angle(to_own, multiple),
        scale * length,
    )


def _of_multiple_angle(cosine, multiple):
    """Returns psi."""
    # cos(n t) by the recurrence of Chebyshev's polynomials.
    before, of_multiple = tf.ones_like(cosine), cosine
    for _ in range(multiple - 1):
        before, of_multiple = of_multiple, 2.0 * cosine * of_multiple - before
    angle = tf.acos(tf.clip_by_value(tf.stop_gradient(cosine), -1.0, 1.0))
    whole = tf.floor(multiple / math.pi * angle)
    # 1 for even numbers, -1 for odd ones.
    sign = 1.0 - 2.0 * tf.math.floormod(whole, 2.0)
    return sign * of_multiple - 2.0 * whole


@keras_loss
class SphereFaceLoss(ProxyLoss):
    """SphereFace loss, also called angular softmax.

    See `sphereface_loss` for the formula and `ProxyLoss` for how a model
    adopts the proxies.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        multiple: >= 1. m of the paper.
        scale: > 0. What lengths are multiplied by: the paper's embeddings are
            of free length and have 1; those of unit length need some 30.
        seed: Seed of the initial proxies.
        name: Name of the loss.

    Raises:
        ValueError: If `multiple` is below 1.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.SphereFaceLoss(2, 2)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[0.6, 0.8], [0.8, 0.6]]))
        2.08...

    Reference:
        [Liu et al., 2017](https://arxiv.org/abs/1704.08063)
    """

    num_classes: int
    embedding_dim: int
    multiple: int = 4
    scale: float = 1.0
    seed: int = 0
    name: str = "sphereface_loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count(1, multiple=self.multiple)

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return sphereface_loss(
            labels,
            embeddings,
            self.proxies.vectors,
            multiple=self.multiple,
            scale=self.scale,
        )
