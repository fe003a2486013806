"""Proxy-NCA loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.proxy_loss import ProxyLoss, cosines
from keras_dvml.typing import TensorLike


def proxy_nca_loss(
    labels: TensorLike,
    embeddings: TensorLike,
    proxies: TensorLike,
    temperature: float = 1.0,
) -> tf.Tensor:
    """Draws each embedding to its class's proxy, away from all others.

    `mean_a (d_ay + log sum_(c != y) exp(-d_ac))`, `d` the squared Euclidean
    distance between embedding `a` and proxy `c`, both of unit length, over
    `temperature`; `y` is the class of `a`. As in the paper, the sum leaves the
    class of `a` out, so the loss may be negative.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        embeddings: `(batch, dim)` float tensor.
        proxies: `(num_classes, dim)` float tensor.
        temperature: > 0. The paper's loss has 1.

    Returns:
        Scalar float32 tensor.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.

    Example:
        >>> import keras_dvml as kd
        >>> axes = [[1.0, 0.0], [0.0, 1.0]]
        >>> float(kd.losses.proxy_nca_loss([0, 1], axes, proxies=axes))
        -2.0
    """
    similarity = cosines(embeddings, proxies)
    own = ops.own_class(labels, int(similarity.shape[1] or 0))
    squared_distance = (2.0 - 2.0 * similarity) / temperature
    attraction = tf.reduce_sum(tf.where(own, squared_distance, 0.0), axis=1)
    repulsion = ops.masked_log_sum_exp(-squared_distance, tf.logical_not(own))
    return tf.reduce_mean(attraction + repulsion)


@keras_loss
class ProxyNCALoss(ProxyLoss):
    """Proxy-NCA loss, its proxies trained with the model.

    See `proxy_nca_loss` for the formula and `ProxyLoss` for how a model adopts
    the proxies.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        temperature: > 0. Divides the squared distances.
        seed: Seed of the initial proxies.
        name: Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ProxyNCALoss(num_classes=2, embedding_dim=2)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[1.0, 0.0], [0.0, 1.0]]))
        -2.0

    Reference:
        [Movshovitz-Attias et al., 2017](https://arxiv.org/abs/1703.07464)
    """

    num_classes: int
    embedding_dim: int
    temperature: float = 1.0
    seed: int = 0
    name: str = "proxy_nca_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return proxy_nca_loss(
            labels, embeddings, self.proxies.vectors, self.temperature
        )
