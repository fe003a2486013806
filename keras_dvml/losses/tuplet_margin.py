"""Tuplet margin loss."""

import math

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def tuplet_margin_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    scale: float = 64.0,
    angle: float = 5.73,
) -> tf.Tensor:
    """Compares each positive pair, its angle eased, with all negatives at once.

    `mean_(a,p) log(1 + sum_n exp(scale (cos t_an - cos(t_ap - angle))))`,
    `t` the angle between two embeddings.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        scale: > 0. s of the paper.
        angle: beta of the paper, in degrees: positives that near cost least.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.tuplet_margin_loss([0, 0, 1], embeddings))
        13.0...
    """
    slack = math.radians(angle)
    positives = tf.cast(ops.positive_pairs(labels), tf.float32)
    log_negatives = ops.log_negative_pairs(labels)
    mean_weight = tf.math.divide_no_nan(1.0, tf.reduce_sum(positives))

    def mean_over_pairs(similarity):
        log_sum, by_negative = ops.log_sum_exp_with_slope(
            scale * similarity + log_negatives
        )
        sine = ops.safe_sqrt(1.0 - tf.square(similarity))
        eased = math.cos(slack) * similarity + math.sin(slack) * sine
        by_eased = math.cos(slack) - math.sin(slack) * similarity / sine
        gaps = log_sum - scale * eased
        value = mean_weight * tf.reduce_sum(positives * tf.nn.softplus(gaps))
        pull = (scale * mean_weight) * positives * tf.sigmoid(gaps)
        push = tf.reduce_sum(pull, axis=1, keepdims=True)
        return value, push * by_negative - pull * by_eased

    return ops.loss_with_closed_form_gradient(
        mean_over_pairs, embeddings, num_anchors=ops.num_anchors(labels)
    )


@keras_loss
class TupletMarginLoss(PairLoss):
    """Tuplet margin loss over all positive pairs of a batch.

    See `tuplet_margin_loss` for the formula.

    Args:
        scale: > 0. s of the paper.
        angle: beta of the paper, in degrees.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.TupletMarginLoss(scale=64.0)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        13.0...

    Reference:
        [Yu and Tao, 2019](https://doi.org/10.1109/ICCV.2019.00659)
    """

    scale: float = 64.0
    angle: float = 5.73
    name: str = "tuplet_margin_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return tuplet_margin_loss(labels, embeddings, **self.parameters)
