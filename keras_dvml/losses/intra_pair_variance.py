"""Intra-pair variance loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def intra_pair_variance_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    positive_slack: float = 0.01,
    negative_slack: float = 0.01,
) -> tf.Tensor:
    """Draws positives less similar than on average, and negatives more, to it.

    `mean_P max(0, (1 - positive_slack) m_P - S)^2
    + mean_N max(0, S - (1 + negative_slack) m_N)^2`, `S` the dot product, `m_P`
    and `m_N` its means over the positive and over the negative pairs. Meant as
    a term beside another loss; a batch that lacks positive or negative pairs
    counts 0.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        positive_slack: >= 0. epsilon of the paper for positives.
        negative_slack: >= 0. epsilon of the paper for negatives.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.intra_pair_variance_loss([0, 0, 1], embeddings))
        0.0025...
    """
    positives = tf.cast(ops.positive_pairs(labels), tf.float32)
    negatives = tf.cast(ops.negative_pairs(labels), tf.float32)
    num_positive = tf.reduce_sum(positives)
    num_negative = tf.reduce_sum(negatives)
    # 1 / number of pairs; 0 where those of the other kind are missing.
    by_positive = tf.math.divide_no_nan(tf.sign(num_negative), num_positive)
    by_negative = tf.math.divide_no_nan(tf.sign(num_positive), num_negative)
    least, most = 1.0 - positive_slack, 1.0 + negative_slack

    def mean_over_pairs(similarity):
        positive_mean = by_positive * tf.reduce_sum(positives * similarity)
        negative_mean = by_negative * tf.reduce_sum(negatives * similarity)
        below = positives * tf.nn.relu(least * positive_mean - similarity)
        above = negatives * tf.nn.relu(similarity - most * negative_mean)
        value = by_positive * tf.reduce_sum(tf.square(below))
        value += by_negative * tf.reduce_sum(tf.square(above))
        # Each pair moves the mean that all are compared with.
        lift = least * by_positive * tf.reduce_sum(below)
        sink = most * by_negative * tf.reduce_sum(above)
        slope = (2.0 * by_positive) * (lift * positives - below)
        slope += (2.0 * by_negative) * (above - sink * negatives)
        return value, slope

    return ops.loss_with_closed_form_gradient(
        mean_over_pairs,
        embeddings,
        symmetric=True,
        num_anchors=ops.num_anchors(labels),
    )


@keras_loss
class IntraPairVarianceLoss(PairLoss):
    """Intra-pair variance loss over all pairs of a batch.

    See `intra_pair_variance_loss` for the formula.

    Args:
        positive_slack: >= 0. epsilon of the paper for positives.
        negative_slack: >= 0. epsilon of the paper for negatives.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.IntraPairVarianceLoss(positive_slack=0.01)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        0.0025...

    Reference:
        [Yu and Tao, 2019](https://doi.org/10.1109/ICCV.2019.00659)
    """

    positive_slack: float = 0.01
    negative_slack: float = 0.01
    name: str = "intra_pair_variance_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return intra_pair_variance_loss(labels, embeddings, **self.parameters)
