"""Losses over the ranks of positives, made differentiable by a sigmoid."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.typing import TensorLike


def mean_over_soft_ranks(
    loss_of: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor],
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    temperature: float,
    finds_itself: bool,
) -> tf.Tensor:
    """Mean over anchors of the mean over their positives of a loss of ranks.

    Of the rows that an anchor `a` compares a positive `p` with, those that are
    before `p` number about `sum_k sigmoid((S_ak - S_ap) / temperature)`, `S`
    the dot product. A batch that lacks positive or negative pairs counts 0.

    Memory is `O(batch^2)`: ranks are those of one positive of each anchor at a
    time.

    Args:
        loss_of: From how many positives and how many negatives are before a
            positive, and how many positives its anchor has, all `(anchors,)`,
            to the loss of that positive.
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        temperature: > 0. Of the sigmoid.
        finds_itself: Whether an anchor counts as a positive of itself.

    Returns:
        Scalar float32 tensor.
    """
    turns = ops.positives_in_turn(labels)
    positives = tf.cast(ops.positive_pairs(labels), tf.float32)
    negatives = tf.cast(ops.negative_pairs(labels), tf.float32)
    num_positives = tf.reduce_sum(positives, axis=1)
    by_anchor = tf.sign(num_positives) * ops.has_negatives(labels)
    by_anchor = tf.math.divide_no_nan(by_anchor, tf.reduce_sum(by_anchor))
    itself = tf.range(tf.size(num_positives))
    if finds_itself:
        positives = tf.linalg.set_diag(positives, tf.ones_like(num_positives))
        num_positives += 1.0
    weight = tf.math.divide_no_nan(by_anchor, num_positives)

    def value_and_slope(similarity):
        def add_one_positive_each(positive, is_pair, total, slope):
            to_positive = tf.gather(similarity, positive, batch_dims=1)
            ahead = (similarity - to_positive[:, None]) / temperature
            share = tf.sigmoid(ahead)
            # The positive itself is half ahead of itself.
            ahead_positive = tf.reduce_sum(share * positives, axis=1) - 0.5
            ahead_negative = tf.reduce_sum(share * negatives, axis=1)
            before = [ahead_positive, ahead_negative]
            with tf.GradientTape() as tape:
                tape.watch(before)
                losses = loss_of(ahead_positive, ahead_negative, num_positives)
            by_before: Any = tape.gradient(
                losses,
                before,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            by_positive, by_negative = (
                (weight * is_pair * by_one)[:, None] for by_one in by_before
            )
            by_entry = by_positive * positives + by_negative * negatives
            by_entry *= share * (1.0 - share) / temperature
            slope = ops.add_to_entries(
                slope + by_entry, positive, -tf.reduce_sum(by_entry, axis=1)
            )
            return total + tf.reduce_sum(weight * is_pair * losses), slope

        carried = 0.0, tf.zeros_like(similarity)
        if finds_itself:
            each = tf.ones_like(num_positives)
            carried = add_one_positive_each(itself, each, *carried)
        return turns.for_each_positive(add_one_positive_each, carried)

    return ops.loss_with_closed_form_gradient(
        value_and_slope, embeddings, num_anchors=ops.num_anchors(labels)
    )
