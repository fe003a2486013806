"""Miner that draws negatives of all distances alike."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.miners.miner import Miner, keras_miner
from keras_dvml.miners.nearest import distances


def sampling_weights(
    distance: tf.Tensor, can_be_drawn: tf.Tensor, dim: int, cutoff: float
) -> tf.Tensor:
    """Returns `1 / q(d)` of the pairs that can be drawn, largest 1; else 0.

    `q(d) = d^(dim - 2) (1 - d^2 / 4)^((dim - 3) / 2)` is the density of
    distances between random points of the unit sphere.

    Args:
        distance: `(anchors, batch)` float32 tensor, Euclidean.
        can_be_drawn: bool tensor of the same shape.
        dim: >= 1. Width of the embedding.
        cutoff: > 0. Smaller distances count as this.

    Returns:
        float32 tensor of the same shape.
    """
    distance = tf.maximum(distance, cutoff)
    # The density ends at 2, farther than pairs that can be drawn.
    one_minus_quarter_d2 = tf.maximum(1.0 - 0.25 * tf.square(distance), 1e-6)
    log_weight = -(dim - 2.0) * tf.math.log(distance)
    log_weight -= 0.5 * (dim - 3.0) * tf.math.log(one_minus_quarter_d2)
    log_weight = tf.where(can_be_drawn, log_weight, -ops.FAR)
    largest = tf.reduce_max(log_weight, axis=1, keepdims=True)
    return tf.where(can_be_drawn, tf.exp(log_weight - largest), 0.0)


def draw_column(
    cumulative: tf.Tensor, seed: tf.Tensor | list
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws a column for each row; also 1, or 0 where none can be drawn.

    Args:
        cumulative: `(rows, columns)` float32 tensor, weights summed up.
        seed: `(2,)` integers.

    Returns:
        `(rows,)` int32 tensor and `(rows,)` float32 tensor.
    """
    total = cumulative[:, -1]
    uniform = ops.uniform_noise(tf.shape(total), seed)
    # The first column whose cumulative weight is above the point, which is
    # kept below the total whatever the rounding.
    point = tf.minimum(uniform * total, total * (1.0 - 1e-6))
    column = tf.searchsorted(cumulative, point[:, None], side="right")
    last = tf.shape(cumulative)[1] - 1
    column = tf.minimum(tf.squeeze(column, axis=1), last)
    return column, tf.cast(total > 0.0, tf.float32)


@keras_miner
class DistanceWeightedMiner(Miner):
    """Draws negatives of all distances alike, as many as there are positives.

    A negative is drawn with probability proportional to `1 / q(d)`, `q` the
    density of the distances `d` of random points of the unit sphere. One that
    is drawn twice for an anchor counts once. All positives are chosen. The
    draws depend on `seed`, the batch size and the distances alone.

    Args:
        cutoff: > 0. Smaller distances are drawn no more often.
        farthest: > 0. Distance from which on negatives are not drawn.
        seed: Seed of the draws.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6], [-1.0, 0.0]]
        >>> pairs = kd.miners.DistanceWeightedMiner()([0, 0, 1, 1], embeddings)
        >>> pairs.negatives.numpy().sum(axis=1)
        array([1, 1, 1, 0])

    Reference:
        [Wu et al., 2017](https://arxiv.org/abs/1706.07567)
    """

    cutoff: float = 0.5
    farthest: float = 1.4
    seed: int = 0

    def mine(self, pairs: ops.Pairs, embeddings: tf.Tensor) -> ops.Pairs:
        distance = ops.safe_sqrt(distances(pairs, embeddings))
        weights = sampling_weights(
            distance,
            pairs.negatives & (distance < self.farthest),
            embeddings.shape[-1] or 0,
            self.cutoff,
        )
        cumulative = tf.cumsum(weights, axis=1)

        def add_one_draw_each(positive, is_pair, drawn, draw):
            column, is_drawn = draw_column(cumulative, [self.seed, draw])
            return ops.add_to_entries(drawn, column, is_pair * is_drawn), (
                draw + 1
            )

        drawn, _ = ops.positives_in_turn(pairs).for_each_positive(
            add_one_draw_each, (tf.zeros_like(distance), 0)
        )
        return pairs._replace(negatives=drawn > 0.0)
