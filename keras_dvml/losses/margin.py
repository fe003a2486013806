"""Margin loss with distance-weighted sampling."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.miners.distance_weighted import draw_column, sampling_weights
from keras_dvml.typing import TensorLike


def margin_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    boundary: float = 1.2,
    margin: float = 0.2,
    cutoff: float = 0.5,
    seed: int = 0,
) -> tf.Tensor:
    """Keeps pairs on their side of a boundary between near and far.

    With one negative `n` drawn for every ordered positive pair `(a, p)`, and
    `d` the Euclidean distance, the losses are `max(0, d_ap - boundary +
    margin)` and `max(0, boundary - d_an + margin)`; the result is their sum
    over the number of those above 0.

    A negative is drawn with probability proportional to `1 / q(d)`,
    `q(d) = d^(dim - 2) (1 - d^2 / 4)^((dim - 3) / 2)` the density of distances
    between random points of the unit sphere: so negatives of all distances
    are drawn alike. Distances below `cutoff` count as `cutoff`, and negatives
    that would cost nothing are not drawn. The draws depend on `seed`, the
    batch size and the distances alone.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        boundary: > 0. beta of the paper, in Euclidean distance.
        margin: >= 0. alpha of the paper, in Euclidean distance.
        cutoff: > 0. Distance below which negatives are drawn no more
            often, since their gradients are noisy.
        seed: Seed of the draws.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.margin_loss([0, 0, 1], embeddings))
        0.9...
    """
    turns = ops.positives_in_turn(labels)
    negatives = ops.negative_pairs(labels)
    has_both = tf.reduce_any(negatives) & (turns.num_pairs > 0)
    has_both = tf.cast(has_both, tf.float32)
    dim = int(tf.convert_to_tensor(embeddings).shape[-1] or 0)

    def mean_over_active(squared_distance):
        distance = ops.safe_sqrt(squared_distance)
        can_be_drawn = negatives & (distance < boundary + margin)
        weights = sampling_weights(distance, can_be_drawn, dim, cutoff)
        cumulative = tf.cumsum(weights, axis=1)

        def add_one_positive_each(
            positive, is_pair, total, active, slope, draw
        ):
            to_positive = tf.gather(distance, positive, batch_dims=1)
            negative, is_drawn = draw_column(cumulative, [seed, draw])
            to_negative = tf.gather(distance, negative, batch_dims=1)
            near = is_pair * tf.nn.relu(to_positive - boundary + margin)
            far = (
                is_pair * is_drawn * tf.nn.relu(boundary - to_negative + margin)
            )
            # d distance / d squared_distance = 1 / (2 distance)
            pull = 0.5 * tf.sign(near) / to_positive
            push = -0.5 * tf.sign(far) / to_negative
            slope = ops.add_to_entries(
                slope, [positive, negative], [pull, push]
            )
            total += tf.reduce_sum(near + far)
            active += tf.reduce_sum(tf.sign(near) + tf.sign(far))
            return total, active, slope, draw + 1

        total, active, slope, _ = turns.for_each_positive(
            add_one_positive_each,
            (0.0, 0.0, tf.zeros_like(squared_distance), 0),
        )
        weight = tf.math.divide_no_nan(has_both, active)
        return weight * total, weight * slope

    return ops.loss_with_closed_form_gradient(
        mean_over_active,
        embeddings,
        pairwise=ops.pairwise_squared_distance,
        num_anchors=ops.num_anchors(labels),
    )


@keras_loss
class MarginLoss(PairLoss):
    """Margin loss, its negatives drawn with weights by distance.

    See `margin_loss` for the formula.

    Args:
        boundary: > 0. beta of the paper, in Euclidean distance.
        margin: >= 0. alpha of the paper, in Euclidean distance.
        cutoff: > 0. Distance below which negatives are drawn no more
            often.
        seed: Seed of the draws.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.MarginLoss(boundary=1.2, margin=0.2)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        0.9...

    Reference:
        [Wu et al., 2017](https://arxiv.org/abs/1706.07567)
    """

    boundary: float = 1.2
    margin: float = 0.2
    cutoff: float = 0.5
    seed: int = 0
    name: str = "margin_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return margin_loss(labels, embeddings, **self.parameters)
