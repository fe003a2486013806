"""Proxy-Anchor loss."""

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.proxy_loss import ProxyLoss


def proxy_anchor_loss(labels, embeddings, proxies, *, scale=32.0, margin=0.1):
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
        scale: float > 0. alpha of the paper.
        margin: float >= 0. delta of the paper.

    Returns:
        Scalar float32 tensor.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.
    """
    embeddings = ops.l2_normalize(tf.cast(embeddings, tf.float32))
    proxies = ops.l2_normalize(tf.convert_to_tensor(proxies))
    similarity = tf.matmul(proxies, embeddings, transpose_b=True)
    own = tf.transpose(ops.own_class(labels, proxies.shape[0]))
    attraction = ops.masked_log_sum_exp(-scale * (similarity - margin), own)
    repulsion = ops.masked_log_sum_exp(scale * (similarity + margin), ~own)
    in_batch = tf.reduce_any(own, axis=1)
    return ops.masked_mean(
        tf.nn.softplus(attraction), in_batch
    ) + tf.reduce_mean(tf.nn.softplus(repulsion))


@keras.saving.register_keras_serializable(package="keras_dvml")
class ProxyAnchorLoss(ProxyLoss):
    """Proxy-Anchor loss, its proxies trained with the model.

    See `proxy_anchor_loss` for the formula and `ProxyLoss` for how the proxies
    come into a model. They want a larger learning rate than the backbone.

    Args:
        num_classes: int >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: int >= 1. Width of the embedding.
        scale: float > 0. alpha of the paper.
        margin: float >= 0. delta of the paper.
        seed: int. Seed of the initial proxies.
        name: str. Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ProxyAnchorLoss(num_classes=2, embedding_dim=2)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[1.0, 0.0], [0.0, 1.0]]))
        3.2...

    Reference:
        [Kim et al., 2020](https://arxiv.org/abs/2003.13911)
    """

    def __init__(
        self,
        num_classes,
        embedding_dim,
        scale=32.0,
        margin=0.1,
        seed=0,
        name="proxy_anchor_loss",
    ):
        super().__init__(num_classes, embedding_dim, seed=seed, name=name)
        self.scale = scale
        self.margin = margin

    def call(self, labels, embeddings):
        return proxy_anchor_loss(
            labels,
            embeddings,
            self.proxies.vectors,
            scale=self.scale,
            margin=self.margin,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "margin": self.margin,
        }
