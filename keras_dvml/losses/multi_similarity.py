"""Multi-similarity loss with its pair mining."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.miners.multi_similarity import hard_pairs
from keras_dvml.typing import TensorLike


def multi_similarity_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    positive_scale: float = 2.0,
    negative_scale: float = 40.0,
    threshold: float = 0.5,
    mining_margin: float = 0.1,
) -> tf.Tensor:
    """Weighs pairs by their own and their relative similarity.

    For each anchor, `S` the dot product, alpha = `positive_scale`,
    beta = `negative_scale`, lambda = `threshold`:

    `1/alpha log(1 + sum_P exp(-alpha (S - lambda)))
    + 1/beta log(1 + sum_N exp(beta (S - lambda)))`, mean over the batch.

    Mining keeps the positives less similar than the most similar negative
    plus `mining_margin`, and the negatives more similar than the least similar
    positive less `mining_margin`.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        positive_scale: > 0. Sharpness among positives.
        negative_scale: > 0. Sharpness among negatives.
        threshold: Similarity that separates the two.
        mining_margin: >= 0. Slack of the mining.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.multi_similarity_loss([0, 0, 1], embeddings))
        0.45...
    """

    def mean_over_anchors(similarity):
        hard = hard_pairs(labels, similarity, mining_margin)
        attraction, by_positive = _log_one_plus_sum_exp(
            tf.where(hard.positives, -positive_scale * similarity, -ops.FAR),
            shift=positive_scale * threshold,
        )
        repulsion, by_negative = _log_one_plus_sum_exp(
            tf.where(hard.negatives, negative_scale * similarity, -ops.FAR),
            shift=-negative_scale * threshold,
        )
        per_anchor = attraction / positive_scale + repulsion / negative_scale
        # The scales cancel those of the exponents.
        num_anchors = tf.cast(tf.size(per_anchor), tf.float32)
        slope = (by_negative - by_positive) / num_anchors
        return tf.reduce_mean(per_anchor), slope

    return ops.loss_with_closed_form_gradient(
        mean_over_anchors, embeddings, num_anchors=ops.num_anchors(labels)
    )


def _log_one_plus_sum_exp(exponents, shift):
    """Returns `log(1 + sum exp(exponent + shift))` of each row, and its slope.

    The 1 is on the diagonal: a row is no pair with itself.
    """
    diagonal = tf.zeros_like(exponents[:, 0])
    log_sum, slope = ops.log_sum_exp_with_slope(
        tf.linalg.set_diag(exponents, diagonal - shift)
    )
    return log_sum + shift, tf.linalg.set_diag(slope, diagonal)


@keras_loss
class MultiSimilarityLoss(PairLoss):
    """Multi-similarity loss, with its mining.

    See `multi_similarity_loss` for the formula.

    Args:
        positive_scale: > 0. alpha of the paper.
        negative_scale: > 0. beta of the paper.
        threshold: lambda of the paper.
        mining_margin: >= 0. epsilon of the paper.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.MultiSimilarityLoss()
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        0.45...

    Reference:
        [Wang et al., 2019](https://arxiv.org/abs/1904.06627)
    """

    positive_scale: float = 2.0
    negative_scale: float = 40.0
    threshold: float = 0.5
    mining_margin: float = 0.1
    name: str = "multi_similarity_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return multi_similarity_loss(labels, embeddings, **self.parameters)
