"""Threshold-consistent margin loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def threshold_consistent_margin_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    positive_threshold: float = 0.9,
    negative_threshold: float = 0.5,
    positive_weight: float = 1.0,
    negative_weight: float = 1.0,
) -> tf.Tensor:
    """Makes one threshold of similarity fit all classes.

    `positive_weight mean_P' (positive_threshold - S) + negative_weight mean_N'
    (S - negative_threshold)`, `S` the dot product, `P'` the positive pairs no
    more similar than their threshold and `N'` the negative pairs no less. Meant
    as a term beside another loss; a batch that lacks positive or negative pairs
    counts 0.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        positive_threshold: m+ of the paper.
        negative_threshold: m- of the paper.
        positive_weight: >= 0. lambda+ of the paper.
        negative_weight: >= 0. lambda- of the paper.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> loss = kd.losses.threshold_consistent_margin_loss
        >>> float(loss([0, 0, 1], embeddings))
        0.6...
    """
    positives = tf.cast(ops.positive_pairs(labels), tf.float32)
    negatives = tf.cast(ops.negative_pairs(labels), tf.float32)
    has_both = ops.has_negatives(labels) * tf.reduce_max(positives)

    def mean_over_hard(similarity):
        low = positives * _where(similarity <= positive_threshold)
        high = negatives * _where(similarity >= negative_threshold)
        pull = tf.math.divide_no_nan(
            has_both * positive_weight, tf.reduce_sum(low)
        )
        push = tf.math.divide_no_nan(
            has_both * negative_weight, tf.reduce_sum(high)
        )
        attraction = tf.reduce_sum(low * (positive_threshold - similarity))
        repulsion = tf.reduce_sum(high * (similarity - negative_threshold))
        value = pull * attraction + push * repulsion
        return value, push * high - pull * low

    return ops.loss_with_closed_form_gradient(
        mean_over_hard,
        embeddings,
        symmetric=True,
        num_anchors=ops.num_anchors(labels),
    )


def _where(condition):
    return tf.cast(condition, tf.float32)


@keras_loss
class ThresholdConsistentMarginLoss(PairLoss):
    """Threshold-consistent margin loss, over the hard pairs of a batch.

    See `threshold_consistent_margin_loss` for the formula.

    Args:
        positive_threshold: m+ of the paper.
        negative_threshold: m- of the paper.
        positive_weight: >= 0. lambda+ of the paper.
        negative_weight: >= 0. lambda- of the paper.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ThresholdConsistentMarginLoss()
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        0.6...

    Reference:
        [Zhang et al., 2024](https://arxiv.org/abs/2307.04047)
    """

    positive_threshold: float = 0.9
    negative_threshold: float = 0.5
    positive_weight: float = 1.0
    negative_weight: float = 1.0
    name: str = "threshold_consistent_margin_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return threshold_consistent_margin_loss(
            labels, embeddings, **self.parameters
        )
