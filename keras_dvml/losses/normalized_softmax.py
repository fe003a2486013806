"""Normalised softmax loss."""

import tensorflow as tf

from keras_dvml.losses.class_softmax import softmax_with_margin
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.proxy_loss import ProxyLoss, cosines
from keras_dvml.typing import TensorLike


def normalized_softmax_loss(
    labels: TensorLike,
    embeddings: TensorLike,
    proxies: TensorLike,
    *,
    temperature: float = 0.05,
) -> tf.Tensor:
    """Classifies embeddings by their cosines to the proxies.

    `mean_a -log softmax_c(s_ac / temperature)` at the class of `a`, with `s_ac`
    the cosine of embedding `a` and proxy `c`.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        embeddings: `(batch, dim)` float tensor.
        proxies: `(num_classes, dim)` float tensor.
        temperature: > 0. sigma of the paper.

    Returns:
        Scalar float32 tensor.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.

    Example:
        >>> import keras_dvml as kd
        >>> axes = [[1.0, 0.0], [0.0, 1.0]]
        >>> embeddings = [[0.6, 0.8], [0.8, 0.6]]
        >>> loss = kd.losses.normalized_softmax_loss([0, 1], embeddings, axes)
        >>> float(loss)
        4.01...
    """
    return softmax_with_margin(
        labels,
        cosines(embeddings, proxies),
        lambda to_own: to_own,
        1.0 / temperature,
    )


@keras_loss
class NormalizedSoftmaxLoss(ProxyLoss):
    """Normalised softmax loss, its proxies trained with the model.

    See `normalized_softmax_loss` for the formula and `ProxyLoss` for how a
    model adopts the proxies.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        temperature: > 0. sigma of the paper.
        seed: Seed of the initial proxies.
        name: Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.NormalizedSoftmaxLoss(2, 2)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[0.6, 0.8], [0.8, 0.6]]))
        4.01...

    Reference:
        [Zhai and Wu, 2019](https://arxiv.org/abs/1811.12649)
    """

    num_classes: int
    embedding_dim: int
    temperature: float = 0.05
    seed: int = 0
    name: str = "normalized_softmax_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return normalized_softmax_loss(
            labels,
            embeddings,
            self.proxies.vectors,
            temperature=self.temperature,
        )
