"""Contrastive loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def contrastive_loss(
    labels: ops.LabelsOrPairs, embeddings: TensorLike, margin: float = 1.0
) -> tf.Tensor:
    """Pulls positive pairs together, pushes negatives out of a margin.

    `mean_P d_ij^2 + mean_N' max(0, margin - d_ij)^2`, `d` the Euclidean
    distance, `P` the positive pairs and `N'` the negative pairs closer than
    `margin`: averaging over all negatives would drown the few that matter.

    As with the other losses, a batch that lacks positive or negative pairs
    counts 0: pulling or pushing alone would collapse or scatter it.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor.
        margin: > 0. Distance beyond which negatives cost nothing.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[0.0, 0.0], [0.0, 0.6], [3.0, 0.0]]
        >>> float(kd.losses.contrastive_loss([0, 0, 1], embeddings))
        0.36...
    """
    positives = tf.cast(ops.positive_pairs(labels), tf.float32)
    # How far each row pushes each other row: not those of its class.
    reach = margin * tf.cast(ops.negative_pairs(labels), tf.float32)
    num_positive = tf.reduce_sum(positives)
    has_negative = ops.has_negatives(labels)

    def mean_over_pairs(squared_distance):
        distance = ops.safe_sqrt(squared_distance)
        gap = tf.nn.relu(reach - distance)
        num_close = tf.reduce_sum(tf.sign(gap))
        # 1 / number of pairs; 0 without pairs to pull or pairs to push.
        pull = tf.math.divide_no_nan(has_negative, num_positive)
        push = tf.math.divide_no_nan(tf.sign(num_positive), num_close)

        attraction = pull * tf.reduce_sum(positives * squared_distance)
        repulsion = push * tf.reduce_sum(tf.square(gap))
        slope = pull * positives - push * gap / distance
        return attraction + repulsion, slope

    return ops.loss_with_closed_form_gradient(
        mean_over_pairs,
        embeddings,
        pairwise=ops.pairwise_squared_distance,
        symmetric=True,
        num_anchors=ops.num_anchors(labels),
    )


@keras_loss
class ContrastiveLoss(PairLoss):
    """Contrastive loss over all pairs of a batch.

    See `contrastive_loss` for the formula.

    Args:
        margin: > 0. Distance beyond which negatives cost nothing.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ContrastiveLoss(margin=1.0)
        >>> float(loss([0, 0, 1], [[0.0, 0.0], [0.0, 0.6], [3.0, 0.0]]))
        0.36...

    Reference:
        [Hadsell et al., 2006](https://doi.org/10.1109/CVPR.2006.100)
    """

    margin: float = 1.0
    name: str = "contrastive_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return contrastive_loss(labels, embeddings, **self.parameters)
