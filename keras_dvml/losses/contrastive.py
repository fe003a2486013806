"""Contrastive loss."""

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import MetricLoss


def contrastive_loss(labels, embeddings, margin=1.0):
    """Pulls positive pairs together, pushes negatives out of a margin.

    `mean_P d_ij^2 + mean_N' max(0, margin - d_ij)^2`, `d` the Euclidean
    distance, `P` the positive pairs and `N'` the negative pairs closer than
    `margin`: averaging over all negatives would drown the few that matter.

    As with the other losses, a batch that lacks positive or negative pairs
    counts 0: pulling or pushing alone would collapse or scatter it.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.
        embeddings: `(batch, dim)` float tensor.
        margin: float > 0. Distance beyond which negatives are left alone.

    Returns:
        Scalar float32 tensor.
    """
    squared_distance = ops.pairwise_squared_distance(embeddings)
    # The slope of a square root at 0 is infinite.
    distance = tf.sqrt(tf.maximum(squared_distance, 1e-12))
    positives = ops.positive_pairs(labels)
    negatives = ops.negative_pairs(labels)
    close = tf.logical_and(negatives, distance < margin)
    attraction = ops.masked_mean(squared_distance, positives)
    repulsion = ops.masked_mean(tf.square(margin - distance), close)
    has_both = tf.reduce_any(positives) & tf.reduce_any(negatives)
    return tf.where(has_both, attraction + repulsion, 0.0)


@keras.saving.register_keras_serializable(package="keras_dvml")
class ContrastiveLoss(MetricLoss):
    """Contrastive loss over all pairs of a batch.

    See `contrastive_loss` for the formula.

    Args:
        margin: float > 0. Distance beyond which negatives are left alone.
        name: str. Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ContrastiveLoss(margin=1.0)
        >>> float(loss([0, 0, 1], [[0.0, 0.0], [0.0, 0.6], [3.0, 0.0]]))
        0.36...

    Reference:
        [Hadsell et al., 2006](https://doi.org/10.1109/CVPR.2006.100)
    """

    def __init__(self, margin=1.0, name="contrastive_loss"):
        super().__init__(name=name)
        self.margin = margin

    def call(self, labels, embeddings):
        return contrastive_loss(labels, embeddings, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
