"""Generalised lifted structure loss."""

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import MetricLoss


def lifted_structure_loss(labels, embeddings, margin=1.0):
    """Sets all positives of an anchor against all its negatives, softly.

    `mean_a max(0, log sum_p exp(d_ap) + log sum_n exp(margin - d_an))`,
    `d` the Euclidean distance, mean over the batch; an anchor without positive
    or negative counts 0. This is the generalisation of Hermans et al.; the
    loss of Song et al. lifts one positive pair at a time, against the negatives
    of both its members, and squares the hinge.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.
        embeddings: `(batch, dim)` float tensor.
        margin: float, in Euclidean distance.

    Returns:
        Scalar float32 tensor.
    """
    log_positives = ops.log_positive_pairs(labels)
    log_negatives = ops.log_negative_pairs(labels)

    def mean_over_anchors(squared_distance):
        # The slope of a square root at 0 is infinite.
        distance = tf.sqrt(tf.maximum(squared_distance, 1e-12))
        to_positives, by_positive = ops.log_sum_exp_with_slope(
            log_positives + distance
        )
        to_negatives, by_negative = ops.log_sum_exp_with_slope(
            log_negatives - distance
        )
        per_anchor = tf.nn.relu(to_positives + to_negatives + margin)
        num_anchors = tf.cast(tf.size(per_anchor), tf.float32)
        active = tf.cast(per_anchor > 0.0, tf.float32) / num_anchors
        # d distance / d squared_distance = 1 / (2 distance)
        slope = (by_positive - by_negative) * (0.5 * active) / distance
        return tf.reduce_mean(per_anchor), slope

    return ops.over_squared_distances(mean_over_anchors, embeddings)


@keras.saving.register_keras_serializable(package="keras_dvml")
class LiftedStructureLoss(MetricLoss):
    """Generalised lifted structure loss over all pairs of a batch.

    See `lifted_structure_loss` for the formula.

    Args:
        margin: float. How much farther negatives must be than positives, in
            Euclidean distance.
        name: str. Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.LiftedStructureLoss(margin=1.0)
        >>> float(loss([0, 0, 1], [[0.0], [0.5], [0.6]]))
        0.76...

    Reference:
        [Hermans et al., 2017](https://arxiv.org/abs/1703.07737), after
        [Song et al., 2016](https://arxiv.org/abs/1511.06452)
    """

    def __init__(self, margin=1.0, name="lifted_structure_loss"):
        super().__init__(name=name)
        self.margin = margin

    def call(self, labels, embeddings):
        return lifted_structure_loss(labels, embeddings, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
