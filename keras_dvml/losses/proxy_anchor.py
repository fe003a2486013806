"""Proxy-Anchor loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.proxy_loss import ProxyLoss, unit_vectors
from keras_dvml.typing import TensorLike


def proxy_anchor_loss(
    labels: TensorLike,
    embeddings: TensorLike,
    proxies: TensorLike,
    *,
    scale: float = 32.0,
    margin: float = 0.1,
) -> tf.Tensor:
    """Takes each proxy as the anchor of all embeddings of the batch.

    `mean_(c in C+) log(1 + sum_(a in c) exp(-scale (s_ac - margin)))
    + mean_c log(1 + sum_(a not in c) exp(scale (s_ac + margin)))`,
    `s` the cosine of embedding `a` and proxy `c`, `C+` the classes in the
    batch.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        embeddings: `(batch, dim)` float tensor.
        proxies: `(num_classes, dim)` float tensor.
        scale: > 0. alpha of the paper.
        margin: >= 0. delta of the paper.

    Returns:
        Scalar float32 tensor.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.

    Example:
        >>> import keras_dvml as kd
        >>> axes = [[1.0, 0.0], [0.0, 1.0]]
        >>> float(kd.losses.proxy_anchor_loss([0, 1], axes, proxies=axes))
        3.2...
    """
    embeddings, proxies = unit_vectors(embeddings, proxies)
    similarity = tf.matmul(proxies, embeddings, transpose_b=True)
    own = tf.transpose(ops.own_class(labels, int(similarity.shape[0] or 0)))
    attraction = ops.masked_log_sum_exp(-scale * (similarity - margin), own)
    others = tf.logical_not(own)
    repulsion = ops.masked_log_sum_exp(scale * (similarity + margin), others)
    in_batch = tf.reduce_any(own, axis=1)
    return ops.masked_mean(
        tf.nn.softplus(attraction), in_batch
    ) + tf.reduce_mean(tf.nn.softplus(repulsion))


@keras_loss
class ProxyAnchorLoss(ProxyLoss):
    """Proxy-Anchor loss, its proxies trained with the model.

    See `proxy_anchor_loss` for the formula and `ProxyLoss` for how a model
    adopts the proxies.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        scale: > 0. alpha of the paper.
        margin: >= 0. delta of the paper.
        seed: Seed of the initial proxies.
        name: Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ProxyAnchorLoss(num_classes=2, embedding_dim=2)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[1.0, 0.0], [0.0, 1.0]]))
        3.2...

    Reference:
        [Kim et al., 2020](https://arxiv.org/abs/2003.13911)
    """

    num_classes: int
    embedding_dim: int
    scale: float = 32.0
    margin: float = 0.1
    seed: int = 0
    name: str = "proxy_anchor_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return proxy_anchor_loss(
            labels,
            embeddings,
            self.proxies.vectors,
            scale=self.scale,
            margin=self.margin,
        )
