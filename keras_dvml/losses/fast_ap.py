"""FastAP loss."""

from typing import Any

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def fast_ap_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    num_bins: int = 10,
) -> tf.Tensor:
    """One minus the average precision, from histograms of distances.

    `mean_a (1 - 1/|P| sum_r h+_r H+_r / H_r)` over the anchors with a positive:
    `h+` is the histogram of the squared distances from `a` to its positives `P`
    over 0..4, `H+` and `H` the cumulative histograms of positives and of all. A
    distance counts for the two nodes beside it, in proportion to its closeness.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        num_bins: >= 1. Bins between the `num_bins + 1` nodes.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> round(float(kd.losses.fast_ap_loss([0, 0, 1], embeddings)), 4)
        0.5
    """
    positives = ops.positive_pairs(labels)
    negatives = ops.negative_pairs(labels)
    is_pair = tf.cast(positives | negatives, tf.float32)
    num_nodes = num_bins + 1
    num_positives = tf.reduce_sum(tf.cast(positives, tf.float32), axis=1)
    by_anchor = tf.sign(num_positives) * ops.has_negatives(labels)
    by_anchor = tf.math.divide_no_nan(by_anchor, tf.reduce_sum(by_anchor))

    def loss_of(histograms):
        positive, negative = tf.unstack(histograms, axis=1)
        positives_to = tf.cumsum(positive, axis=1)
        all_to = positives_to + tf.cumsum(negative, axis=1)
        precision = tf.math.divide_no_nan(positive * positives_to, all_to)
        average = tf.math.divide_no_nan(
            tf.reduce_sum(precision, axis=1), num_positives
        )
        return tf.reduce_sum(by_anchor * (1.0 - average))

    def mean_over_anchors(squared_distance):
        place = squared_distance * (num_bins / 4.0)
        # Rounding takes unit vectors a little beyond 0..4.
        place = tf.clip_by_value(place, 0.0, float(num_bins))
        node = tf.minimum(tf.floor(place), num_bins - 1.0)
        to_next = (place - node) * is_pair
        # Each anchor has the nodes of its positives, then of its negatives.
        num_anchors = tf.shape(place)[0]
        node = tf.cast(node, tf.int32) + num_nodes * tf.cast(
            negatives, tf.int32
        )
        node += 2 * num_nodes * tf.range(num_anchors)[:, None]
        size = 2 * num_nodes * num_anchors
        histograms = _sums(is_pair - to_next, node, size)
        histograms += tf.roll(_sums(to_next, node, size), 1, axis=0)
        shape = (num_anchors, 2, num_nodes)
        histograms = tf.reshape(histograms, shape)
        with tf.GradientTape() as tape:
            tape.watch(histograms)
            value = loss_of(histograms)
        by_node: Any = tape.gradient(value, histograms)
        by_node = tf.reshape(by_node, [-1])
        # A pair that moves up takes its share from a node to the next one.
        by_node = tf.roll(by_node, -1, axis=0) - by_node
        return value, (num_bins / 4.0) * is_pair * tf.gather(by_node, node)

    return ops.loss_with_closed_form_gradient(
        mean_over_anchors,
        embeddings,
        pairwise=ops.pairwise_squared_distance,
        num_anchors=ops.num_anchors(labels),
    )


def _sums(values, node, size):
    return tf.math.unsorted_segment_sum(
        tf.reshape(values, [-1]), tf.reshape(node, [-1]), size
    )


@keras_loss
class FastAPLoss(PairLoss):
    """FastAP loss over all pairs of a batch.

    See `fast_ap_loss` for the formula.

    Args:
        num_bins: >= 1. Bins of the histograms.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.FastAPLoss(num_bins=10)
        >>> loss = loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]])
        >>> round(float(loss), 4)
        0.5

    Reference:
        [Cakir et al., 2019](https://doi.org/10.1109/CVPR.2019.00196)
    """

    num_bins: int = 10
    name: str = "fast_ap_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return fast_ap_loss(labels, embeddings, **self.parameters)
