"""Histogram loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def histogram_loss(
    labels: ops.LabelsOrPairs, embeddings: TensorLike, num_bins: int = 100
) -> tf.Tensor:
    """How likely a negative pair is more similar than a positive one.

    `sum_r h-_r sum_(q <= r) h+_q`, with `h+` and `h-` the histograms of the
    similarities of positive and of negative pairs over -1..1. A similarity
    counts for the two nodes beside it, in proportion to its closeness, so the
    histograms are differentiable.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        num_bins: >= 1. Bins between the `num_bins + 1` nodes.

    Returns:
        Scalar float32 tensor, 0 to 1.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.histogram_loss([0, 0, 1], embeddings, num_bins=10))
        1.0
    """
    positives = ops.positive_pairs(labels)
    negatives = ops.negative_pairs(labels)

    positive_share = _share(positives)
    negative_share = _share(negatives)

    def overlap(similarity):
        place = (similarity + 1.0) * (num_bins / 2.0)
        # Rounding takes unit vectors a little beyond -1..1.
        place = tf.clip_by_value(place, 0.0, float(num_bins))
        node = tf.minimum(tf.floor(place), num_bins - 1.0)
        to_next = place - node
        # The nodes of the positive histogram, then those of the negative one.
        num_nodes = num_bins + 1
        node = tf.cast(node, tf.int32)
        node += num_nodes * tf.cast(negatives, tf.int32)
        share = positive_share + negative_share

        upper = _sums_by_node(to_next * share, node, 2 * num_nodes)
        lower = _sums_by_node((1.0 - to_next) * share, node, 2 * num_nodes)
        histograms = lower + tf.roll(upper, 1, axis=0)
        positive, negative = tf.split(histograms, 2)
        positive_up_to = tf.cumsum(positive)
        negative_from = tf.cumsum(negative, reverse=True)

        # A pair that moves up takes its share from a node to the next one.
        by_positive = tf.roll(negative_from, -1, axis=0) - negative_from
        by_negative = tf.roll(positive_up_to, -1, axis=0) - positive_up_to
        by_node = tf.concat([by_positive, by_negative], axis=0)
        slope = (num_bins / 2.0) * share * tf.gather(by_node, node)
        return tf.reduce_sum(negative * positive_up_to), slope

    return ops.loss_with_closed_form_gradient(
        overlap,
        embeddings,
        symmetric=True,
        num_anchors=ops.num_anchors(labels),
    )


def _share(pairs):
    """Returns what each marked pair counts in a histogram of sum 1."""
    pairs = tf.cast(pairs, tf.float32)
    return tf.math.divide_no_nan(pairs, tf.reduce_sum(pairs))


def _sums_by_node(values, node, num_nodes):
    return tf.math.unsorted_segment_sum(
        tf.reshape(values, [-1]), tf.reshape(node, [-1]), num_nodes
    )


@keras_loss
class HistogramLoss(PairLoss):
    """Histogram loss over all pairs of a batch.

    See `histogram_loss` for the formula.

    Args:
        num_bins: >= 1. Bins of the histograms; the paper finds the loss
            insensitive to it.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.HistogramLoss(num_bins=10)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        1.0

    Reference:
        [Ustinova and Lempitsky, 2016](https://arxiv.org/abs/1611.00822)
    """

    num_bins: int = 100
    name: str = "histogram_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return histogram_loss(labels, embeddings, **self.parameters)
