"""Generalised lifted structure loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def lifted_structure_loss(
    labels: ops.LabelsOrPairs, embeddings: TensorLike, margin: float = 1.0
) -> tf.Tensor:
    """Compares all positives of an anchor with all its negatives, softly.

    `mean_a max(0, log sum_p exp(d_ap) + log sum_n exp(margin - d_an))`,
    `d` the Euclidean distance, mean over the batch; an anchor without positive
    or negative counts 0. This is the generalisation of Hermans et al.; the
    loss of Song et al. lifts one positive pair at a time, against the negatives
    of both its members, and squares the hinge.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor.
        margin: In Euclidean distance.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[0.0], [0.5], [0.6]]
        >>> float(kd.losses.lifted_structure_loss([0, 0, 1], embeddings))
        0.76...
    """
    log_positives = ops.log_positive_pairs(labels)
    log_negatives = ops.log_negative_pairs(labels)

    def mean_over_anchors(squared_distance):
        distance = ops.safe_sqrt(squared_distance)
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

    return ops.loss_with_closed_form_gradient(
        mean_over_anchors,
        embeddings,
        pairwise=ops.pairwise_squared_distance,
        num_anchors=ops.num_anchors(labels),
    )


@keras_loss
class LiftedStructureLoss(PairLoss):
    """Generalised lifted structure loss over all pairs of a batch.

    See `lifted_structure_loss` for the formula.

    Args:
        margin: How much farther negatives must be than positives, in
            Euclidean distance.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.LiftedStructureLoss(margin=1.0)
        >>> float(loss([0, 0, 1], [[0.0], [0.5], [0.6]]))
        0.76...

    Reference:
        [Hermans et al., 2017](https://arxiv.org/abs/1703.07737), after
        [Song et al., 2016](https://arxiv.org/abs/1511.06452)
    """

    margin: float = 1.0
    name: str = "lifted_structure_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return lifted_structure_loss(labels, embeddings, **self.parameters)
