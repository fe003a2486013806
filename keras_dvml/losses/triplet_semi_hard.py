"""Triplet loss with semi-hard negatives."""

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import MetricLoss


def triplet_semi_hard_loss(labels, embeddings, margin=0.2):
    """Triplet loss, one semi-hard negative for every positive pair.

    `mean_(a,p) max(0, d_ap - d_an + margin)`, `d` the squared Euclidean
    distance; `n` is the negative nearest to `a` among those farther than `p`,
    or, where there is none, the farthest negative.

    Memory is `O(batch^2)`: the negatives are mined for one positive of each
    anchor at a time.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.
        embeddings: `(batch, dim)` float tensor.
        margin: float >= 0, in squared distance.

    Returns:
        Scalar float32 tensor.
    """
    squared_distance = ops.pairwise_squared_distance(embeddings)
    slope, num_active = _mine(
        tf.stop_gradient(squared_distance), labels, margin
    )
    # Given the mined triplets the loss is linear in the distances: their
    # slopes carry value and gradient both, and no loop is differentiated.
    violation = tf.reduce_sum(slope * squared_distance) + margin * num_active
    positives = tf.cast(ops.positive_pairs(labels), tf.float32)
    return tf.math.divide_no_nan(violation, tf.reduce_sum(positives))


def _mine(squared_distance, labels, margin):
    """Returns the slope of the summed loss by distance, and its triplets.

    The slope of `(i, j)` counts the active triplets in which j is the positive
    of i, less those in which it is the negative.
    """
    positives = ops.positive_pairs(labels)
    negatives = ops.negative_pairs(labels)
    farthest = ops.masked_max(squared_distance, negatives)
    has_negative = tf.reduce_any(negatives, axis=1)
    # Numbers the positives of each anchor 1, 2, ...; 0 is no positive.
    order = tf.cumsum(tf.cast(positives, tf.int32), axis=1)
    order = tf.where(positives, order, 0)
    num_rounds = tf.reduce_max(order)

    def one_positive_each(number, slope, num_active):
        positive = tf.equal(order, number)
        to_positive = tf.reduce_sum(
            tf.where(positive, squared_distance, 0.0), axis=1
        )
        has_positive = tf.reduce_any(positive, axis=1)
        farther = squared_distance > to_positive[:, None]
        semi_hard = ops.masked_min(
            squared_distance, tf.logical_and(negatives, farther)
        )
        to_negative = tf.minimum(semi_hard, farthest)
        active = to_positive - to_negative + margin > 0.0
        active = active & has_positive & has_negative
        negative = tf.logical_and(
            negatives, tf.equal(squared_distance, to_negative[:, None])
        )
        negative = tf.cast(negative, tf.float32)
        # Several negatives at the same distance share the push.
        negative = tf.math.divide_no_nan(
            negative, tf.reduce_sum(negative, axis=1, keepdims=True)
        )
        change = tf.cast(positive, tf.float32) - negative
        active = tf.cast(active, tf.float32)
        return (
            number + 1,
            slope + active[:, None] * change,
            num_active + tf.reduce_sum(active),
        )

    _, slope, num_active = tf.while_loop(
        lambda number, *_: number <= num_rounds,
        one_positive_each,
        (1, tf.zeros_like(squared_distance), 0.0),
    )
    return tf.stop_gradient(slope), tf.stop_gradient(num_active)


@keras.saving.register_keras_serializable(package="keras_dvml")
class TripletSemiHardLoss(MetricLoss):
    """Triplet loss with semi-hard negatives, over squared distances.

    See `triplet_semi_hard_loss` for the formula.

    Args:
        margin: float >= 0. How much farther a negative must be than a
            positive, in squared Euclidean distance.
        name: str. Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.TripletSemiHardLoss(margin=0.2)
        >>> float(loss([0, 0, 1], [[0.0], [0.5], [0.6]]))
        0.26...

    Reference:
        [Schroff et al., 2015](https://arxiv.org/abs/1503.03832)
    """

    def __init__(self, margin=0.2, name="triplet_semi_hard_loss"):
        super().__init__(name=name)
        self.margin = margin

    def call(self, labels, embeddings):
        return triplet_semi_hard_loss(labels, embeddings, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
