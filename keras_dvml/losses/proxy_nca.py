"""Proxy-NCA loss."""

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.proxy_loss import ProxyLoss


def proxy_nca_loss(labels, embeddings, proxies, temperature=1.0):
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
        temperature: float > 0. The paper's loss has 1.

    Returns:
        Scalar float32 tensor.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.
    """
    embeddings = ops.l2_normalize(tf.cast(embeddings, tf.float32))
    proxies = ops.l2_normalize(tf.convert_to_tensor(proxies))
    similarity = tf.matmul(embeddings, proxies, transpose_b=True)
    squared_distance = (2.0 - 2.0 * similarity) / temperature
    own = ops.own_class(labels, proxies.shape[0])
    attraction = tf.reduce_sum(tf.where(own, squared_distance, 0.0), axis=1)
    repulsion = ops.masked_log_sum_exp(-squared_distance, ~own)
    return tf.reduce_mean(attraction + repulsion)


@keras.saving.register_keras_serializable(package="keras_dvml")
class ProxyNCALoss(ProxyLoss):
    """Proxy-NCA loss, its proxies trained with the model.

    See `proxy_nca_loss` for the formula and `ProxyLoss` for how the proxies
    come into a model. They want a larger learning rate than the backbone.

    Args:
        num_classes: int >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: int >= 1. Width of the embedding.
        temperature: float > 0. Divides the squared distances.
        seed: int. Seed of the initial proxies.
        name: str. Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ProxyNCALoss(num_classes=2, embedding_dim=2)
        >>> _ = loss.proxies.vectors.assign([[1.0, 0.0], [0.0, 1.0]])
        >>> float(loss([0, 1], [[1.0, 0.0], [0.0, 1.0]]))
        -2.0

    Reference:
        [Movshovitz-Attias et al., 2017](https://arxiv.org/abs/1703.07464)
    """

    def __init__(
        self,
        num_classes,
        embedding_dim,
        temperature=1.0,
        seed=0,
        name="proxy_nca_loss",
    ):
        super().__init__(num_classes, embedding_dim, seed=seed, name=name)
        self.temperature = temperature

    def call(self, labels, embeddings):
        return proxy_nca_loss(
            labels, embeddings, self.proxies.vectors, self.temperature
        )

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
