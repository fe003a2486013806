"""Multi-class N-pair loss."""

import math

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def n_pair_loss(
    labels: ops.LabelsOrPairs, embeddings: TensorLike, temperature: float = 0.1
) -> tf.Tensor:
    """Compares each positive pair with all negatives of its anchor at once.

    `mean_(a,p) log(1 + sum_n exp((S_an - S_ap) / temperature))`,
    `S` the dot product.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor.
        temperature: > 0. The paper's loss has 1, for embeddings of free
            length; unit-length ones need a smaller temperature to reach
            confident values.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        >>> float(kd.losses.n_pair_loss([0, 0, 1], embeddings, temperature=1.0))
        0.31...
    """
    # Scaled so that their dot products are the similarities / temperature.
    scaled = tf.cast(embeddings, tf.float32) / math.sqrt(temperature)
    if isinstance(labels, ops.Pairs):
        mean = _mean_over_pairs(labels)
    else:
        mean = _mean_by_cycles(labels)
    return ops.loss_with_closed_form_gradient(
        mean, scaled, num_anchors=ops.num_anchors(labels)
    )


def _mean_over_pairs(pairs):
    log_negatives = ops.log_negative_pairs(pairs)
    positives = tf.cast(pairs.positives, tf.float32)
    mean_weight = tf.math.divide_no_nan(1.0, tf.reduce_sum(positives))

    def value_and_slope(similarity):
        log_sum, by_negative = ops.log_sum_exp_with_slope(
            similarity + log_negatives
        )
        gaps = log_sum - similarity
        value = mean_weight * tf.reduce_sum(positives * tf.nn.softplus(gaps))
        pull = mean_weight * positives * tf.sigmoid(gaps)
        push = tf.reduce_sum(pull, axis=1, keepdims=True)
        return value, push * by_negative - pull

    return value_and_slope


def _mean_by_cycles(labels):
    """As `_mean_over_pairs`, with work for the positive pairs alone."""
    log_negatives = ops.log_negative_pairs(labels)
    cycles = ops.class_cycles(labels)
    mean_weight = cycles.mean_weight

    def value_and_slope(similarity):
        log_sum, by_negative = ops.log_sum_exp_with_slope(
            similarity + log_negatives
        )
        log_sum = tf.squeeze(log_sum, axis=1)

        def add_one_pair_each(
            partner, reverse_partner, pair_weight, total, push, pull
        ):
            # Once with the row as the anchor, once with the other member.
            gaps = tf.stack([log_sum, tf.gather(log_sum, partner)])
            gaps -= tf.gather(similarity, partner, batch_dims=1)
            pair_weight *= mean_weight
            by_pair = pair_weight * tf.sigmoid(gaps)
            return (
                total + tf.reduce_sum(pair_weight * tf.nn.softplus(gaps)),
                push + by_pair[0] + tf.gather(by_pair[1], reverse_partner),
                ops.add_to_entries(pull, partner, by_pair[0] + by_pair[1]),
            )

        total, push, pull = cycles.for_each_pair(
            add_one_pair_each,
            (0.0, tf.zeros_like(log_sum), tf.zeros_like(similarity)),
        )
        return total, push[:, None] * by_negative - pull

    return value_and_slope


@keras_loss
class NPairLoss(PairLoss):
    """Multi-class N-pair loss over all positive pairs of a batch.

    See `n_pair_loss` for the formula.

    Args:
        temperature: > 0. Divides the similarities.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.NPairLoss(temperature=1.0)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        0.31...

    Reference:
        [Sohn, 2016](https://papers.nips.cc/paper/6200)
    """

    temperature: float = 0.1
    name: str = "n_pair_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return n_pair_loss(labels, embeddings, **self.parameters)
