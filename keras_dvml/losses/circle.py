"""Circle loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def circle_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    scale: float = 80.0,
    margin: float = 0.4,
) -> tf.Tensor:
    """Weighs each pair by how far its similarity is from the optimum.

    For each anchor, `s` the dot product and `m` the margin:

    `log(1 + sum_n exp(scale alpha_n (s_n - m))
    sum_p exp(-scale alpha_p (s_p - (1 - m))))`, with the weights
    `alpha_n = max(0, s_n + m)` and `alpha_p = max(0, 1 + m - s_p)`, which
    count as constants in the gradient. Mean over the batch; an anchor without
    positive or negative counts 0.

    With the weights written as `u`, both exponents are
    `scale u (u - 2 m) = scale ((u - m)^2 - m^2)`.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        scale: > 0. gamma of the paper.
        margin: > 0. m of the paper.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.circle_loss([0, 0, 1], embeddings, scale=8.0))
        3.3...
    """
    negatives = ops.negative_pairs(labels)
    log_positives = ops.log_positive_pairs(labels)
    log_negatives = ops.log_negative_pairs(labels)

    def mean_over_anchors(similarity):
        weight = tf.nn.relu(
            tf.where(negatives, similarity + margin, 1.0 + margin - similarity)
        )
        exponent = scale * tf.math.squared_difference(weight, margin)
        attraction, by_positive = ops.log_sum_exp_with_slope(
            exponent + log_positives
        )
        repulsion, by_negative = ops.log_sum_exp_with_slope(
            exponent + log_negatives
        )
        exponent = attraction + repulsion - 2.0 * scale * margin**2
        per_anchor = tf.nn.softplus(exponent)
        num_anchors = tf.cast(tf.size(per_anchor), tf.float32)
        by_anchor = scale * tf.sigmoid(exponent) / num_anchors
        slope = (by_negative - by_positive) * by_anchor * weight
        return tf.reduce_mean(per_anchor), slope

    return ops.loss_with_closed_form_gradient(
        mean_over_anchors, embeddings, num_anchors=ops.num_anchors(labels)
    )


@keras_loss
class CircleLoss(PairLoss):
    """Circle loss over all pairs of a batch.

    See `circle_loss` for the formula.

    Args:
        scale: > 0. gamma of the paper.
        margin: > 0. m of the paper.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.CircleLoss(scale=8.0, margin=0.4)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        3.3...

    Reference:
        [Sun et al., 2020](https://arxiv.org/abs/2002.10857)
    """

    scale: float = 80.0
    margin: float = 0.4
    name: str = "circle_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return circle_loss(labels, embeddings, **self.parameters)
