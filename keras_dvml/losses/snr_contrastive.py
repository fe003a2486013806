"""Signal-to-noise ratio contrastive loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def snr_contrastive_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    margin: float = 1.0,
) -> tf.Tensor:
    """Contrastive loss over the ratio of noise to signal.

    `mean_P' d_ij + mean_N' max(0, margin - d_ij)`, with
    `d_ij = var(z_i - z_j) / var(z_i)`, the variances over the entries of a
    vector, `P'` and `N'` the pairs that cost anything. A batch that lacks
    positive or negative pairs counts 0.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        margin: > 0. Distance beyond which negatives cost nothing.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.snr_contrastive_loss([0, 0, 1], embeddings))
        19.0...
    """
    num_anchors = ops.num_anchors(labels)
    embeddings = tf.cast(embeddings, tf.float32)
    embeddings = ops.hold_others(embeddings, num_anchors)
    centred = embeddings - tf.reduce_mean(embeddings, axis=1, keepdims=True)
    signal = tf.reduce_sum(tf.square(centred[:num_anchors]), axis=1)
    noise = ops.pairwise_squared_distance(centred, num_anchors)
    # A vector of equal entries has no signal.
    distance = noise / tf.maximum(signal, 1e-12)[:, None]
    positives = ops.positive_pairs(labels)
    negatives = ops.negative_pairs(labels)
    gap = margin - distance
    attraction = ops.masked_mean(distance, positives & (distance > 0.0))
    repulsion = ops.masked_mean(gap, negatives & (gap > 0.0))
    has_both = tf.reduce_any(positives) & tf.reduce_any(negatives)
    return tf.where(has_both, attraction + repulsion, 0.0)


@keras_loss
class SignalToNoiseRatioContrastiveLoss(PairLoss):
    """Contrastive loss over signal-to-noise ratios of all pairs of a batch.

    See `snr_contrastive_loss` for the formula.

    Args:
        margin: > 0. Distance beyond which negatives cost nothing.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.SignalToNoiseRatioContrastiveLoss(margin=1.0)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        19.0...

    Reference:
        [Yuan et al., 2019](https://arxiv.org/abs/1904.02616)
    """

    margin: float = 1.0
    name: str = "snr_contrastive_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return snr_contrastive_loss(labels, embeddings, **self.parameters)
