"""SoftTriple loss."""

import tensorflow as tf

from keras_dvml.arguments import check_count
from keras_dvml.losses.class_softmax import (
    cosines_of_centers,
    softmax_with_margin,
)
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.proxy_loss import ProxyLoss
from keras_dvml.typing import TensorLike


def soft_triple_loss(
    labels: TensorLike,
    embeddings: TensorLike,
    centers: TensorLike,
    *,
    num_centers: int = 10,
    scale: float = 20.0,
    smoothing: float = 0.1,
    margin: float = 0.01,
) -> tf.Tensor:
    """Classifies embeddings by soft assignment to the centres of each class.

    The similarity to a class is `S_c = sum_k softmax_k(s_k / smoothing) s_k`,
    `s_k` the cosines to its centres, and the loss
    `mean_a -log softmax_c(scale (S_c - margin [c = y]))` at `y`, the class of
    `a`. The paper also merges centres of a class that are near each other; that
    term is left out.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        embeddings: `(batch, dim)` float tensor.
        centers: `(num_classes * num_centers, dim)` float tensor, those of a
            class one after the other.
        num_centers: >= 1. Centres of a class, the paper's K.
        scale: > 0. lambda of the paper.
        smoothing: > 0. gamma of the paper.
        margin: >= 0. delta of the paper, in cosine.

    Returns:
        Scalar float32 tensor.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.

    Example:
        >>> import keras_dvml as kd
        >>> axes = [[1.0, 0.0], [0.0, 1.0]]
        >>> embeddings = [[0.6, 0.8], [0.8, 0.6]]
        >>> loss = kd.losses.soft_triple_loss(
        ...     [0, 1], embeddings, axes, num_centers=1
        ... )
        >>> float(loss)
        4.21...
    """
    similarity = cosines_of_centers(embeddings, centers, num_centers)
    share = tf.nn.softmax(similarity / smoothing, axis=2)
    return softmax_with_margin(
        labels,
        tf.reduce_sum(share * similarity, axis=2),
        lambda to_own: to_own - margin,
        scale,
    )


@keras_loss
class SoftTripleLoss(ProxyLoss):
    """SoftTriple loss, with several centres of each class.

    See `soft_triple_loss` for the formula and `ProxyLoss` for how a model
    adopts the proxies.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        num_centers: >= 1. Centres of a class, the paper's K.
        scale: > 0. lambda of the paper.
        smoothing: > 0. gamma of the paper.
        margin: >= 0. delta of the paper, in cosine.
        seed: Seed of the initial proxies.
        name: Name of the loss.

    Raises:
        ValueError: If `num_centers` is below 1.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.SoftTripleLoss(2, 2, num_centers=1)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[0.6, 0.8], [0.8, 0.6]]))
        4.21...

    Reference:
        [Qian et al., 2019](https://arxiv.org/abs/1909.05235)
    """

    num_classes: int
    embedding_dim: int
    num_centers: int = 10
    scale: float = 20.0
    smoothing: float = 0.1
    margin: float = 0.01
    seed: int = 0
    name: str = "soft_triple_loss"

    @property
    def proxies_per_class(self) -> int:
        return self.num_centers

    def __post_init__(self) -> None:
        check_count(1, num_centers=self.num_centers)
        super().__post_init__()

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return soft_triple_loss(
            labels,
            embeddings,
            self.proxies.vectors,
            num_centers=self.num_centers,
            scale=self.scale,
            smoothing=self.smoothing,
            margin=self.margin,
        )
