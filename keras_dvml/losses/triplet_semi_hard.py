"""Triplet loss with semi-hard negatives."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def triplet_semi_hard_loss(
    labels: ops.LabelsOrPairs, embeddings: TensorLike, margin: float = 0.2
) -> tf.Tensor:
    """Triplet loss, one semi-hard negative for every positive pair.

    `mean_(a,p) max(0, d_ap - d_an + margin)`, `d` the squared Euclidean
    distance; `n` is the negative nearest to `a` among those farther than `p`,
    or, where there is none, the farthest negative.

    Memory is `O(batch^2)`: the negatives are mined for one positive of each
    anchor at a time.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor.
        margin: >= 0, in squared distance.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[0.0], [0.5], [0.6]]
        >>> float(kd.losses.triplet_semi_hard_loss([0, 0, 1], embeddings))
        0.26...
    """
    negatives = ops.negative_pairs(labels)
    turns = ops.positives_in_turn(labels)
    mean_weight = turns.mean_weight

    def mean_over_pairs(squared_distance):
        # Below every distance where there is no negative.
        to_negatives = tf.where(negatives, squared_distance, -1.0)

        def add_one_positive_each(positive, is_pair, total, slope):
            to_positive = tf.gather(squared_distance, positive, batch_dims=1)
            # Read as integers, floats below 0 come first and rise away from
            # 0, then those above rise away from 0: the least is the nearest
            # of the farther negatives or, without any, the farthest.
            rank = tf.bitcast(to_positive[:, None] - to_negatives, tf.int32)
            negative = tf.argmin(rank, axis=1, output_type=tf.int32)
            to_negative = tf.gather(to_negatives, negative, batch_dims=1)

            violation = to_positive - to_negative + margin
            active = (to_negative >= 0.0) & (violation > 0.0)
            by_pair = mean_weight * is_pair * tf.cast(active, tf.float32)
            slope = ops.add_to_entries(
                slope, [positive, negative], [by_pair, -by_pair]
            )
            return total + tf.reduce_sum(by_pair * violation), slope

        return turns.for_each_positive(
            add_one_positive_each, (0.0, tf.zeros_like(squared_distance))
        )

    return ops.loss_with_closed_form_gradient(
        mean_over_pairs,
        embeddings,
        pairwise=ops.pairwise_squared_distance,
        num_anchors=ops.num_anchors(labels),
    )


@keras_loss
class TripletSemiHardLoss(PairLoss):
    """Triplet loss with semi-hard negatives, over squared distances.

    See `triplet_semi_hard_loss` for the formula.

    Args:
        margin: >= 0. How much farther a negative must be than a
            positive, in squared Euclidean distance.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.TripletSemiHardLoss(margin=0.2)
        >>> float(loss([0, 0, 1], [[0.0], [0.5], [0.6]]))
        0.26...

    Reference:
        [Schroff et al., 2015](https://arxiv.org/abs/1503.03832)
    """

    margin: float = 0.2
    name: str = "triplet_semi_hard_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return triplet_semi_hard_loss(labels, embeddings, **self.parameters)
