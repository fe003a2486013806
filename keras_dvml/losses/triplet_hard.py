"""Triplet loss with the hardest positive and the hardest negative."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def triplet_hard_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    margin: float | None = 0.2,
) -> tf.Tensor:
    """Triplet loss, one triplet for every anchor: the hardest of the batch.

    `mean_a max(0, max_p d_ap - min_n d_an + margin)`, `d` the Euclidean
    distance, over the anchors that have a positive and a negative. With
    `margin=None` the hinge is soft: `mean_a log(1 + exp(max_p d_ap -
    min_n d_an))`, which pulls on after the margin is reached.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor.
        margin: >= 0, in Euclidean distance, or `None` for soft-plus.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[0.0], [0.5], [0.75]]
        >>> float(kd.losses.triplet_hard_loss([0, 0, 1], embeddings, 0.25))
        0.25
    """
    num_anchors = ops.num_anchors(labels)
    embeddings = tf.cast(embeddings, tf.float32)
    embeddings = ops.hold_others(embeddings, num_anchors)
    positive, negative, has_both = _hardest(
        labels, tf.stop_gradient(embeddings)
    )
    anchors = embeddings[:num_anchors]
    to_positive = _distance(anchors, tf.gather(embeddings, positive))
    to_negative = _distance(anchors, tf.gather(embeddings, negative))
    gap = to_positive - to_negative
    if margin is None:
        per_anchor = tf.nn.softplus(gap)
    else:
        per_anchor = tf.nn.relu(gap + margin)
    return ops.masked_mean(per_anchor, has_both)


def _hardest(labels, embeddings):
    """Returns the rows of hardest positives and negatives, and who has both."""
    squared_distance = ops.pairwise_squared_distance(
        embeddings, ops.num_anchors(labels)
    )
    to_positives = squared_distance + ops.log_positive_pairs(labels)
    to_negatives = squared_distance - ops.log_negative_pairs(labels)
    positive = tf.argmax(to_positives, axis=1, output_type=tf.int32)
    negative = tf.argmin(to_negatives, axis=1, output_type=tf.int32)
    to_positive = tf.gather(to_positives, positive, batch_dims=1)
    to_negative = tf.gather(to_negatives, negative, batch_dims=1)
    has_both = (to_positive >= 0.0) & (to_negative < ops.FAR)
    return positive, negative, has_both


def _distance(one, other):
    return ops.safe_sqrt(tf.reduce_sum(tf.square(one - other), axis=1))


@keras_loss
class TripletHardLoss(PairLoss):
    """Triplet loss of the hardest positive and negative of each anchor.

    See `triplet_hard_loss` for the formula.

    Args:
        margin: >= 0. How much farther a negative must be than a positive, in
            Euclidean distance; `None` for the soft margin.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.TripletHardLoss(margin=0.25)
        >>> float(loss([0, 0, 1], [[0.0], [0.5], [0.75]]))
        0.25
        >>> soft = kd.losses.TripletHardLoss(margin=None)
        >>> float(soft([0, 0, 1], [[0.0], [0.5], [0.75]]))
        0.70...

    Reference:
        [Hermans et al., 2017](https://arxiv.org/abs/1703.07737)
    """

    margin: float | None = 0.2
    name: str = "triplet_hard_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return triplet_hard_loss(labels, embeddings, **self.parameters)
