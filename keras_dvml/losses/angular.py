"""Angular loss."""

import math

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import MetricLoss


def angular_loss(labels, embeddings, angle=40.0):
    """Bounds the angle at the negative of the triangles it forms with pairs.

    `mean_(a,p) log(1 + sum_n exp(4 t (z_a + z_p) z_n - 2 (1 + t) z_a z_p))`,
    `t = tan^2(angle)`, over the ordered positive pairs.

    Memory is `O(batch^2)`: the triangles are formed for one positive of each
    anchor at a time.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        angle: float. alpha of the paper, in degrees, between 0 and 90.

    Returns:
        Scalar float32 tensor.
    """
    log_negatives = ops.log_negative_pairs(labels)
    cycles = ops.class_cycles(labels)
    weight = tf.math.divide_no_nan(1.0, tf.cast(cycles.num_pairs, tf.float32))
    tangent = math.tan(math.radians(angle)) ** 2
    push = 4.0 * tangent
    pull = 2.0 * (1.0 + tangent)

    @ops.closed_form
    def mean_over_pairs(similarity):
        to_negatives = push * similarity + log_negatives

        def add_one_positive_each(steps, total, slope):
            # The term of a pair does not change when its two members do: half
            # of each circle meets all pairs, opposite members twice.
            positive = cycles.member(steps)
            times = tf.sign(cycles.size - 2 * steps) + 1
            times = weight * tf.cast(times, tf.float32)

            log_sum, by_negative = ops.log_sum_exp_with_slope(
                to_negatives + tf.gather(to_negatives, positive)
            )
            to_positive = tf.gather(similarity, positive, batch_dims=1)
            log_sum = tf.squeeze(log_sum, axis=1) - pull * to_positive
            by_pair = times * tf.sigmoid(log_sum)
            by_negative *= push * by_pair[:, None]
            # A row is pushed as the anchor, and as the positive of the row
            # that stands as many steps back.
            slope += by_negative
            slope += tf.gather(by_negative, cycles.member(-steps))
            slope = ops.add_to_entries(slope, positive, -pull * by_pair)
            total += tf.reduce_sum(times * tf.nn.softplus(log_sum))
            return steps + 1, total, slope

        _, total, slope = tf.while_loop(
            lambda steps, *_: 2 * steps <= tf.reduce_max(cycles.size),
            add_one_positive_each,
            (1, 0.0, tf.zeros_like(similarity)),
        )
        return total, slope

    return mean_over_pairs(ops.pairwise_similarity(embeddings))


@keras.saving.register_keras_serializable(package="keras_dvml")
class AngularLoss(MetricLoss):
    """Angular loss over all positive pairs of a batch and their negatives.

    See `angular_loss` for the formula.

    Args:
        angle: float. alpha of the paper, in degrees, between 0 and 90; the
            paper tries 36 to 55.
        name: str. Name of the loss.

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

    def __init__(self, angle=40.0, name="angular_loss"):
        super().__init__(name=name)
        if not 0 < angle < 90:
            raise ValueError(
                f"angle must be between 0 and 90 degrees; received {angle!r}"
            )
        self.angle = angle

    def call(self, labels, embeddings):
        return angular_loss(labels, embeddings, self.angle)

    def get_config(self):
        return {**super().get_config(), "angle": self.angle}
