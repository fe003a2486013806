"""Supervised contrastive loss."""

import math

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def supcon_loss(
    labels: ops.LabelsOrPairs, embeddings: TensorLike, temperature: float = 0.1
) -> tf.Tensor:
    """Cross-entropy of finding the positives among all other rows.

    `mean_a mean_p -log(exp(S_ap / temperature) / sum_(j != a) exp(S_aj /
    temperature))`, `S` the dot product, over the anchors that have a positive.
    Unlike in the N-pair loss, the positives compete with each other.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        temperature: > 0. tau of the paper.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        >>> float(kd.losses.supcon_loss([0, 0, 1], embeddings, temperature=1.0))
        0.31...
    """
    positives = tf.cast(ops.positive_pairs(labels), tf.float32)
    num_positives = tf.reduce_sum(positives, axis=1, keepdims=True)
    has_positive = tf.sign(num_positives)
    by_anchor = tf.math.divide_no_nan(has_positive, tf.reduce_sum(has_positive))
    by_anchor *= ops.has_negatives(labels)
    by_positive = positives * tf.math.divide_no_nan(by_anchor, num_positives)
    log_pairs = ops.log_pairs(labels)

    def mean_over_anchors(similarity):
        log_sum, share = ops.log_sum_exp_with_slope(similarity + log_pairs)
        attraction = tf.reduce_sum(by_positive * similarity)
        value = tf.reduce_sum(by_anchor * log_sum) - attraction
        return value, by_anchor * share - by_positive

    # Scaled so that their dot products are the similarities / temperature.
    scaled = tf.cast(embeddings, tf.float32) / math.sqrt(temperature)
    return ops.loss_with_closed_form_gradient(
        mean_over_anchors, scaled, num_anchors=ops.num_anchors(labels)
    )


@keras_loss
class SupConLoss(PairLoss):
    """Supervised contrastive loss over all pairs of a batch.

    See `supcon_loss` for the formula.

    Args:
        temperature: > 0. tau of the paper.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.SupConLoss(temperature=1.0)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        0.31...

    Reference:
        [Khosla et al., 2020](https://arxiv.org/abs/2004.11362)
    """

    temperature: float = 0.1
    name: str = "supcon_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return supcon_loss(labels, embeddings, **self.parameters)
