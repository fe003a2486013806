"""Losses over pairs whose derivative is given in closed form.

Automatic differentiation of a loss over all pairs walks the matrix again for
each step of the formula. The derivative itself is a short formula that shares
most of its parts with the loss.

Only the first derivative is right: the slope counts as a constant.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_dvml.ops.distances import (
    pairwise_similarity,
    pairwise_squared_distance,
)
from keras_dvml.ops.small_matrices import is_small
from keras_dvml.typing import TensorLike


def loss_with_closed_form_gradient(
    value_and_slope: Callable[[tf.Tensor], tuple[tf.Tensor, ...]],
    embeddings: TensorLike,
    *,
    pairwise: Callable[..., tf.Tensor] = pairwise_similarity,
    symmetric: bool = False,
    num_anchors: int | tf.Tensor | None = None,
) -> tf.Tensor:
    """Makes a loss over pairs differentiable by the embeddings.

    With `G` the slope, the gradient is `sum_j (G_ij + G_ji) z_j` over
    similarities, and `2 sum_j (G_ij + G_ji) (z_i - z_j)` over squared
    distances: of the entries (i, j) and (j, i) only the sum counts, and of the
    distance (i, i) nothing.

    Args:
        value_and_slope: Function from the `(num_anchors, batch)` float32 tensor
            of similarities or squared distances to the loss, a scalar, and
            its derivative by each of them, of the tensor's shape.
        embeddings: `(batch, dim)` float tensor of any precision.
        pairwise: `pairwise_similarity` or `pairwise_squared_distance`.
        symmetric: Whether `G_ij = G_ji` where all rows are anchors.
        num_anchors: How many of the rows, from the first on, are compared
            with all, while the others count as constants; `None` for all.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import tensorflow as tf
        >>> from keras_dvml import ops
        >>> def sum_of_squares(similarity):
        ...     value = tf.reduce_sum(tf.square(similarity))
        ...     return value, 2.0 * similarity
        >>> embeddings = tf.Variable([[1.0, 2.0]])
        >>> with tf.GradientTape() as tape:
        ...     loss = ops.loss_with_closed_form_gradient(
        ...         sum_of_squares, embeddings
        ...     )
        >>> float(loss), tape.gradient(loss, embeddings).numpy().tolist()
        (25.0, [[20.0, 40.0]])
    """

    @tf.custom_gradient
    def loss(embeddings: tf.Tensor) -> Any:
        value, slope = value_and_slope(pairwise(embeddings, num_anchors))

        def both_ways(rows):
            """Returns `sum_j (G_ij + G_ji) z_j` for the anchors."""
            if num_anchors is None:
                return _both_ways(slope, rows, symmetric)
            pull = tf.matmul(slope, rows)
            among_anchors = slope[:, :num_anchors]
            anchors = rows[:num_anchors]
            return pull + tf.matmul(among_anchors, anchors, transpose_a=True)

        def gradient(upstream):
            if pairwise is pairwise_squared_distance:
                pull = 2.0 * _pull_apart(both_ways, embeddings, num_anchors)
            else:
                pull = both_ways(embeddings)
            if num_anchors is not None:
                rest = tf.zeros_like(embeddings[num_anchors:])
                pull = tf.concat([pull, rest], axis=0)
            return upstream * pull

        return value, gradient

    return loss(tf.cast(embeddings, tf.float32))


def _pull_apart(both_ways, embeddings, num_anchors):
    """Returns `sum_j (G_ij + G_ji) (z_i - z_j)`."""
    # A column of ones makes the product contain the sum of the weights.
    ones = tf.ones_like(embeddings[:, :1])
    pull = both_ways(tf.concat([embeddings, ones], axis=1))
    pull, total = pull[:, :-1], pull[:, -1:]
    return total * embeddings[:num_anchors] - pull


def _both_ways(slope, rows, symmetric):
    """Returns `sum_j (G_ij + G_ji) z_j`."""
    if symmetric:
        return 2.0 * tf.matmul(slope, rows)
    if is_small(slope):
        pull = tf.matmul(slope, rows)
        return pull + tf.matmul(slope, rows, transpose_a=True)
    # Adding nothing to one entry makes XLA finish the matrix first. It would
    # compute it twice otherwise, the second time column by column, which
    # takes four times as long.
    slope = tf.tensor_scatter_nd_add(slope, [[0, 0]], [0.0])
    return tf.matmul(slope + tf.transpose(slope), rows)
