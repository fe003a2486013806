"""CosFace loss."""

import tensorflow as tf

from keras_dvml.losses.class_softmax import softmax_with_margin
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.proxy_loss import ProxyLoss, cosines
from keras_dvml.typing import TensorLike


def cosface_loss(
    labels: TensorLike,
    embeddings: TensorLike,
    proxies: TensorLike,
    *,
    scale: float = 64.0,
    margin: float = 0.35,
) -> tf.Tensor:
    """Asks for a cosine of the own class higher than the others by a margin.

    `mean_a -log softmax_c(scale (s_ac - margin [c = y]))` at `y`, the class of
    `a`, with `s_ac` the cosine of embedding `a` and proxy `c`.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        embeddings: `(batch, dim)` float tensor.
        proxies: `(num_classes, dim)` float tensor.
        scale: > 0. s of the paper.
        margin: >= 0. m of the paper, in cosine.

    Returns:
        Scalar float32 tensor.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.

    Example:
        >>> import keras_dvml as kd
        >>> axes = [[1.0, 0.0], [0.0, 1.0]]
        >>> embeddings = [[0.6, 0.8], [0.8, 0.6]]
        >>> loss = kd.losses.cosface_loss([0, 1], embeddings, axes)
        >>> float(loss)
        35.1...
    """
    return softmax_with_margin(
        labels,
        cosines(embeddings, proxies),
        lambda to_own: to_own - margin,
        scale,
    )


@keras_loss
class CosFaceLoss(ProxyLoss):
    """CosFace loss, also called large margin cosine loss or AM-Softmax.

    See `cosface_loss` for the formula and `ProxyLoss` for how a model
    adopts the proxies.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        scale: > 0. s of the paper.
        margin: >= 0. m of the paper, in cosine.
        seed: Seed of the initial proxies.
        name: Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.CosFaceLoss(2, 2)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[0.6, 0.8], [0.8, 0.6]]))
        35.1...

    Reference:
        [Wang et al., 2018](https://arxiv.org/abs/1801.09414)
    """

    num_classes: int
    embedding_dim: int
    scale: float = 64.0
    margin: float = 0.35
    seed: int = 0
    name: str = "cosface_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return cosface_loss(
            labels,
            embeddings,
            self.proxies.vectors,
            scale=self.scale,
            margin=self.margin,
        )
