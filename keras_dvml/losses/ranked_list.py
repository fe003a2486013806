"""Ranked list loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def ranked_list_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    margin: float = 0.4,
    boundary: float = 1.2,
    positive_temperature: float = 0.0,
    negative_temperature: float = 10.0,
    balance: float = 0.5,
) -> tf.Tensor:
    """Keeps positives within a sphere around the anchor, negatives outside one.

    `mean_a (1 - balance) sum_P' w_p (d_ap - (boundary - margin)) / sum_P'
    w_p + balance sum_N' w_n (boundary - d_an) / sum_N' w_n`, `d` the
    Euclidean distance, `P'` the positives beyond `boundary - margin`, `N'`
    the negatives within `boundary`. A pair counts more the harder it is:
    `w_p = exp(positive_temperature (d_ap - (boundary - margin)))`, `w_n =
    exp(negative_temperature (boundary - d_an))`, constants in the gradient.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        margin: > 0. m of the paper.
        boundary: > 0. alpha of the paper, in Euclidean distance.
        positive_temperature: >= 0. T_p of the paper.
        negative_temperature: >= 0. T_n of the paper.
        balance: 0 to 1. lambda of the paper: what negatives count.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.ranked_list_loss([0, 0, 1], embeddings))
        0.43...
    """
    positives = tf.cast(ops.positive_pairs(labels), tf.float32)
    negatives = tf.cast(ops.negative_pairs(labels), tf.float32)
    has_both = ops.has_negatives(labels) * tf.reduce_max(positives)

    def mean_over_anchors(squared_distance):
        distance = ops.safe_sqrt(squared_distance)
        outside = positives * tf.nn.relu(distance - (boundary - margin))
        inside = negatives * tf.nn.relu(boundary - distance)
        pull = _shares(outside, positive_temperature)
        push = _shares(inside, negative_temperature)
        by_anchor = has_both / tf.cast(tf.shape(distance)[0], tf.float32)
        pull *= (1.0 - balance) * by_anchor
        push *= balance * by_anchor
        value = tf.reduce_sum(pull * outside + push * inside)
        # d distance / d squared_distance = 1 / (2 distance)
        return value, 0.5 * (pull - push) / distance

    return ops.loss_with_closed_form_gradient(
        mean_over_anchors,
        embeddings,
        pairwise=ops.pairwise_squared_distance,
        num_anchors=ops.num_anchors(labels),
    )


def _shares(violation, temperature):
    """Returns the weights of each row's violations, their sum 1 or 0."""
    weight = tf.sign(violation) * tf.exp(temperature * violation)
    total = tf.reduce_sum(weight, axis=1, keepdims=True)
    return tf.math.divide_no_nan(weight, total)


@keras_loss
class RankedListLoss(PairLoss):
    """Ranked list loss over the hard pairs of a batch.

    See `ranked_list_loss` for the formula.

    Args:
        margin: > 0. m of the paper.
        boundary: > 0. alpha of the paper, in Euclidean distance.
        positive_temperature: >= 0. T_p of the paper.
        negative_temperature: >= 0. T_n of the paper.
        balance: 0 to 1. lambda of the paper: what negatives count.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.RankedListLoss(margin=0.4)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        0.43...

    Reference:
        [Wang et al., 2019](https://arxiv.org/abs/1903.03238)
    """

    margin: float = 0.4
    boundary: float = 1.2
    positive_temperature: float = 0.0
    negative_temperature: float = 10.0
    balance: float = 0.5
    name: str = "ranked_list_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return ranked_list_loss(labels, embeddings, **self.parameters)
