"""Angular loss."""

import math

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import MetricLoss, keras_loss
from keras_dvml.typing import TensorLike


def angular_loss(
    labels: TensorLike, embeddings: TensorLike, angle: float = 40.0
) -> tf.Tensor:
    """Bounds the angle at the negative of the triangles it forms with pairs.

    `mean_(a,p) log(1 + sum_n exp(4 t (z_a + z_p) z_n - 2 (1 + t) z_a z_p))`,
    `t = tan^2(angle)`, over the ordered positive pairs.

    Memory is `O(batch^2)`: the triangles are formed for one positive of each
    anchor at a time.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        angle: alpha of the paper, in degrees, between 0 and 90.

    Returns:
        Scalar float32 tensor.

    Raises:
        ValueError: If `labels` are `ops.Pairs`.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> loss = kd.losses.angular_loss([0, 0, 1], embeddings, angle=45.0)
        >>> float(loss)
        4.6...
    """
    if isinstance(labels, ops.Pairs):
        raise ValueError(
            "labels must be class ids: the angular loss compares triangles, "
            "which pairs do not say; received ops.Pairs"
        )
    log_negatives = ops.log_negative_pairs(labels)
    cycles = ops.class_cycles(labels)
    mean_weight = cycles.mean_weight
    tangent = math.tan(math.radians(angle)) ** 2
    push = 4.0 * tangent
    pull = 2.0 * (1.0 + tangent)

    def mean_over_pairs(similarity):
        to_negatives = push * similarity + log_negatives

        def add_one_pair_each(
            partner, reverse_partner, pair_weight, total, slope
        ):
            log_sum, by_negative = ops.log_sum_exp_with_slope(
                to_negatives + tf.gather(to_negatives, partner)
            )
            to_positive = tf.gather(similarity, partner, batch_dims=1)
            log_sum = tf.squeeze(log_sum, axis=1) - pull * to_positive
            # The term of a pair is the same in its other order.
            pair_weight *= 2.0 * mean_weight
            by_pair = pair_weight * tf.sigmoid(log_sum)
            by_negative *= push * by_pair[:, None]
            # A row is pushed as the anchor and as the positive.
            slope += by_negative
            slope += tf.gather(by_negative, reverse_partner)
            slope = ops.add_to_entries(slope, partner, -pull * by_pair)
            losses = pair_weight * tf.nn.softplus(log_sum)
            return total + tf.reduce_sum(losses), slope

        return cycles.for_each_pair(
            add_one_pair_each, (0.0, tf.zeros_like(similarity))
        )

    return ops.loss_with_closed_form_gradient(mean_over_pairs, embeddings)


@keras_loss
class AngularLoss(MetricLoss):
    """Angular loss over all positive pairs of a batch and their negatives.

    See `angular_loss` for the formula.

    Args:
        angle: alpha of the paper, in degrees, between 0 and 90; the paper
            tries 36 to 55.
        name: Name of the loss.

    Raises:
        ValueError: If `angle` is not between 0 and 90.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.AngularLoss(angle=45.0)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        4.6...

    Reference:
        [Wang et al., 2017](https://arxiv.org/abs/1708.01682)
    """

    angle: float = 40.0
    name: str = "angular_loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.angle < 90:
            raise ValueError(
                f"angle must be between 0 and 90 degrees; received {self.angle}"
            )

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return angular_loss(labels, embeddings, **self.parameters)
